import { ControlError } from '../../../admin/control-plane.ts'
import type { ExplainRequest, ExplanationView } from '../../../admin/api/explanation.ts'
import type { Config, L7ListenerConfig, ListenerConfig } from '../../../config/model/model.ts'
import { steadyNow } from '../../../l7/cache/steady-now.ts'
import { asSent } from '../../../l7/uri/as-sent.ts'
import { explain } from '../../../l7/cache/decide/explain.ts'
import { explainStoring } from '../../../l7/cache/decide/explain-storing.ts'
import { systemClock } from '../../../core/clock.ts'
import type { CacheStore } from '../../../l7/cache/ports.ts'
import { dryRun } from '../../../l7/exchange/dry/dry-run.ts'
import type { ExplainCache } from '../../../l7/exchange/dry/dry-exchange.ts'
import { viaPseudonym } from '../../../l7/headers/via.ts'
import { HeaderBlock } from '../../../l7/message/header-block.ts'
import { assumedCertificate } from '../../../net/tls/assumed-certificate.ts'
import { knownStages } from '../../plane/plugin-stages.ts'
import { listenerAddresses } from '../../plane/listener-addresses.ts'
import { explainRelay, whyShutTo } from './explain-relay.ts'

/** What only a running lb knows, besides its configuration. */
export interface ExplainDeps {
  /** Name of this process in Via; '' where none runs. */
  readonly pseudonym: string
  readonly ports: Readonly<Record<string, number>>
  store(name: string): CacheStore | undefined
  /** What its stages have counted. */
  readonly stageMemories?: ReadonlyMap<string, unknown>
  readonly now: number
}

/** The name in Via where no process runs: one that no request has passed. */
const ANYBODY = viaPseudonym()

/** Most non-matching routes to report: the last ones, which came closest. */
const MAX_PASSED_OVER = 100

/** What would happen to a request under a configuration; throws a ControlError when no listener matches. */
export function explainRequest(config: Config, request: ExplainRequest, deps: ExplainDeps): ExplanationView {
  const { url, method, client } = request
  const { scheme, authority, target } = split(url)
  const { listener, notes } = findListener(config, request.listener, scheme, authority, deps.ports)
  if (listener.mode === 'l4') return explainRelay(listener, authority, client)
  if (scheme === 'tcp' || scheme === 'udp')
    throw new ControlError('conflict', `listener ${listener.name} reads requests: ask by http or https`)
  const shut = whyShutTo(client, listener)
  if (shut !== undefined) return { listener: listener.name, passedOver: [], notes: [...notes, shut] }
  const host = request.headers.some(([name]) => name.toLowerCase() === 'host') ? '' : `Host: ${authority}\r\n`
  const head = `${method} ${target} HTTP/1.1\r\n${host}${lines(request.headers)}\r\n`
  const response = request.response && {
    status: request.response.status,
    headers: new HeaderBlock(lines(request.response.headers))
  }
  const explainCache: ExplainCache = (route, asked) => {
    const cache = route.cache!
    const said = explain(cache, deps.store(cache.store), asked, steadyNow(systemClock))
    const whole = { store: cache.store, ...said }
    if (said.outcome === 'hit') return whole
    // A response that is not looked up is not stored either, except for a POST, which has its own rules.
    if (said.outcome === 'bypass' && (asked.method === 'GET' || asked.method === 'HEAD'))
      return { ...whole, storing: { stored: 'no', why: said.why } }
    return { ...whole, storing: explainStoring(asked, cache, response, deps.now) }
  }
  const { pseudonym } = deps
  const run = {
    listener,
    pools: config.pools,
    stages: () => knownStages(config.plugins),
    stageMemories: deps.stageMemories,
    clock: systemClock,
    pseudonym: pseudonym === '' ? ANYBODY : pseudonym,
    explainCache
  }
  const http2 = request.http2 === true ? { http2: askedFields(listener, scheme, request) } : {}
  const { certificate } = request
  if (certificate !== undefined && listener.tls?.clientAuth === undefined)
    throw new ControlError('conflict', `listener ${listener.name} asks for no certificate (tls.clientAuth)`)
  const shown = certificate && { certificate: assumedCertificate(certificate) }
  const { passedOver, ...rest } = dryRun(run, { head, peer: client, ...http2, ...shown })
  const said = [...notes, ...(rest.notes ?? [])]
  return {
    listener: listener.name,
    passedOver: passedOver.slice(-MAX_PASSED_OVER),
    ...rest,
    ...(said.length > 0 && { notes: said })
  }
}

/** The request as an HTTP/2 client sends it: pseudo-fields, then the fields in lower case. */
function askedFields(
  listener: L7ListenerConfig,
  scheme: string,
  { url, method, headers }: ExplainRequest
): [string, string][] {
  if (!listener.protocols.includes('h2')) {
    throw new ControlError(
      'conflict',
      `listener ${listener.name} does not speak HTTP/2: h2 is not among its protocols`
    )
  }
  const { authority, target } = split(url)
  const fields = headers.map(([name, value]): [string, string] => [name.toLowerCase(), value])
  const host = fields.find(([name]) => name === 'host')?.[1] ?? authority
  const pseudo: [string, string][] = [
    [':method', method],
    [':scheme', scheme],
    [':authority', host],
    [':path', target]
  ]
  return [...pseudo, ...fields.filter(([name]) => name !== 'host')]
}

type Scheme = 'http' | 'https' | 'tcp' | 'udp'

function split(url: string): { scheme: Scheme; authority: string; target: string } {
  const match = /^(https?|tcp|udp):\/\/([^/?]+)(.*)$/i.exec(asSent(url))
  if (match === null)
    throw new ControlError('conflict', 'the url must be an absolute http, https, tcp or udp URL')
  const rest = match[3]!
  const target = rest.startsWith('/') ? rest : `/${rest}`
  return { scheme: match[1]!.toLowerCase() as Scheme, authority: match[2]!, target }
}

function lines(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
}

/** The listener, with notes on the choice. */
interface Found {
  readonly listener: ListenerConfig
  readonly notes: readonly string[]
}

/**
 * By name; else by scheme and port; else, for a URL with the usual port or one whose listener has another scheme, the only
 * one with the scheme, or the only one at all: lb may be behind another proxy. Throws for a port where nobody listens.
 */
function findListener(
  { listeners }: Config,
  name: string | undefined,
  scheme: Scheme,
  authority: string,
  ports: Readonly<Record<string, number>>
): Found {
  const names = listeners.map((listener) => listener.name).join(', ')
  if (name !== undefined) {
    const named = listeners.find((listener) => listener.name === name)
    if (named !== undefined) return { listener: named, notes: [] }
    throw new ControlError('not-found', `there is no listener ${name}; there are: ${names || 'none'}`)
  }
  const given = /:(\d+)$/.exec(authority)?.[1]
  const port = Number(given ?? (scheme === 'https' ? 443 : 80))
  const ofScheme = listeners.filter((listener) => speaks(listener, scheme))
  const ofPort = (all: readonly ListenerConfig[]) =>
    all.filter((listener) => listenerAddresses(listener, ports).some((address) => address.port === port))
  const [exact, second] = ofPort(ofScheme)
  if (exact !== undefined && second === undefined) return { listener: exact, notes: [] }
  // A port of a relaying listener is explained as such; an unknown port may belong to a machine in front.
  const relay = exact === undefined ? ofPort(listeners).find(({ mode }) => mode === 'l4') : undefined
  if (relay !== undefined) return { listener: relay, notes: [] }
  const l7 = listeners.filter(({ mode }) => mode === 'l7')
  if (given !== undefined && port !== 80 && port !== 443 && ofPort(listeners).length === 0)
    throw new ControlError(
      'not-found',
      `nobody listens on port ${port}; name the listener that is meant: ${names || 'none'}`
    )
  const only = [ofScheme, ...(scheme === 'tcp' || scheme === 'udp' ? [] : [l7])].find(
    ({ length }) => length === 1
  )?.[0]
  if (only !== undefined) {
    const why = `no listener for ${scheme} has port ${port}: taken for ${only.name}, the only one`
    return { listener: only, notes: given === undefined || exact !== undefined ? [] : [why] }
  }
  if (ofScheme.length + l7.length === 0) throw new ControlError('not-found', 'there is no L7 listener')
  throw new ControlError('conflict', `the port does not say which listener is meant; name it: ${names}`)
}

function speaks(listener: ListenerConfig, scheme: Scheme): boolean {
  if (listener.mode === 'l4') return listener.protocol === scheme
  return (listener.tls === undefined ? 'http' : 'https') === scheme
}
