import { BlockList, isIP } from 'node:net'
import { isPublicAuthority, wantsBinding } from '../../acme-authorities.ts'
import { textOf } from '../../environment/env-text.ts'
import { isMap, type Raw, type RawMap, select, valueAt } from '../../raw.ts'
import { type Finding, type Path, warningAt } from '../../report/problem.ts'

/** RFC 6761, RFC 6762, RFC 8375, and what ICANN keeps for private use: nobody outside can own such a name. */
const RESERVED =
  /(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|test|example|invalid|home\.arpa)$/i
const PRIVATE = new BlockList()
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10]
] as const)
  PRIVATE.addSubnet(net, bits)
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
PRIVATE.addSubnet('fe80::', 10, 'ipv6')
PRIVATE.addAddress('::1', 'ipv6')

/** Where authorities connect to see the proof of a name; dns-01 needs no listener. */
const PORTS: ReadonlyMap<string, number> = new Map([
  ['http-01', 80],
  ['tls-alpn-01', 443]
])

interface Place {
  readonly path: Path
  readonly listener: RawMap
}

/** Warns of orders that a public authority is going to refuse. Only where all authorities are public ones. */
export function checkPublicAcme(root: Raw): Finding[] {
  const authorities = authoritiesOf(root)
  if (authorities.some(({ url }) => !isPublicAuthority(url))) return []
  const listeners = [...select(root, ['listeners', '*'])].map(({ path, value }) => ({
    path,
    listener: isMap(value) ? value : {}
  }))
  const ours = listeners.filter(
    ({ listener }) => isMap(listener['tls']) && listener['tls']['acme'] !== undefined
  )
  return [...unbound(authorities), ...refusedNames(ours), ...otherPorts(root, listeners, ours)]
}

function* unbound(authorities: ReturnType<typeof authoritiesOf>): Generator<Finding> {
  for (const { url, path, bound } of authorities) {
    if (wantsBinding(url) && !bound)
      yield warningAt(
        path,
        `${url} serves its own customers only: { url: ${url}, eab: { kid: …, key: … } }, both from your account there`
      )
  }
}

function* refusedNames(ours: readonly Place[]): Generator<Finding> {
  for (const { path, listener } of ours) {
    const domains = valueAt(listener, ['tls', 'acme', 'domains'])
    for (const [i, each] of (Array.isArray(domains) ? (domains as readonly Raw[]) : []).entries()) {
      const name = textOf(each) ?? ''
      const why = whyRefused(name)
      if (why !== undefined)
        yield warningAt(
          [...path, 'tls', 'acme', 'domains', i],
          `no public authority signs for "${name}", ${why}; \`selfSigned: true\` is for development, \`directory: URL\` for an authority of your own`
        )
    }
  }
}

/** No listener that answers the challenge has the port that authorities connect to. */
function* otherPorts(root: Raw, listeners: readonly Place[], ours: readonly Place[]): Generator<Finding> {
  const challenge = textOf(valueAt(root, ['acme', 'challenge'])) ?? 'tls-alpn-01'
  const port = PORTS.get(challenge)
  const answering =
    challenge === 'http-01'
      ? listeners.filter(({ listener }) => listener['mode'] === 'l7' && listener['tls'] === undefined)
      : ours
  if (port === undefined || answering.length === 0) return
  const ports = answering.flatMap(({ listener }) => portsOf(listener))
  // A variable or a socket may lead anywhere.
  if (ports.includes(undefined) || ports.includes(port)) return
  yield warningAt(
    [...answering[0]!.path, 'bind'],
    `the authority connects to port ${port} (${challenge}), where nothing here listens: forward it to port ${ports[0]}`
  )
}

function authoritiesOf(root: Raw) {
  const said = valueAt(root, ['acme', 'directory']) ?? 'letsencrypt'
  const path = ['acme', 'directory']
  const list = Array.isArray(said)
    ? (said as readonly Raw[]).map((each, i) => ({ each, path: [...path, i] }))
    : [{ each: said, path }]
  return list.map(({ each, path }) => ({
    path,
    url: (isMap(each) ? textOf(each['url']) : textOf(each)) ?? '',
    bound: isMap(each) && each['eab'] !== undefined
  }))
}

function whyRefused(name: string): string | undefined {
  const family = isIP(name)
  if (family !== 0)
    return PRIVATE.check(name, family === 6 ? 'ipv6' : 'ipv4') ? 'a private address' : undefined
  if (!name.includes('.')) return 'which has no domain'
  if (RESERVED.test(name)) return 'which nobody outside can own'
  return name.includes('_') ? 'since it has an underscore' : undefined
}

function portsOf(listener: Readonly<Record<string, Raw>>): (number | undefined)[] {
  const bind = listener['bind']
  return (Array.isArray(bind) ? (bind as readonly Raw[]) : [bind]).map((each) => {
    const port = /(?:^|:)(\d+)$/.exec((each === undefined ? undefined : textOf(each)) ?? '')?.[1]
    return port === undefined ? undefined : Number(port)
  })
}
