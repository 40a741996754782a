import { textOf } from '../environment/env-text.ts'
import { isMap, type Raw, type RawMap, select } from '../raw.ts'
import { errorAt, type Finding, type Path, warningAt } from '../report/problem.ts'

/** Keys that need a connection, which datagrams do not have. */
const STREAM_KEYS = {
  sni: 'there is no ClientHello in a datagram',
  tls: 'datagrams are relayed as they come',
  proxyProtocol: 'a PROXY header is read from connections only',
  timeouts: 'write `udp: { idle: … }`',
  maxConnections: 'write `udp: { maxSessions: … }`'
} as const

/** Keys of pools that do not apply to datagrams. */
const POOL_KEYS = {
  tls: 'TLS needs a connection',
  queue: 'a datagram does not wait',
  sticky: 'there are no cookies'
} as const

/** Checks for keys that `protocol: udp` needs, or that contradict it. */
export function checkUdp(root: Raw): Finding[] {
  const findings: Finding[] = []
  const pools = new Set<string>()
  for (const { path, value: listener } of select(root, ['listeners', '*'])) {
    if (!isMap(listener) || textOf(listener['mode'] as Raw) !== 'l4') continue
    if (textOf(listener['protocol'] as Raw) === 'udp') {
      findings.push(...checkListener(listener, path))
      pools.add(textOf(listener['pool'] as Raw) ?? '')
    } else if (listener['udp'] !== undefined) {
      findings.push(errorAt([...path, 'udp'], '"udp" needs `protocol: udp` beside it', 'key'))
    }
  }
  for (const { path, value: pool } of select(root, ['pools', '*'])) {
    if (isMap(pool) && pools.has(String(path.at(-1)))) findings.push(...checkPool(pool, path))
  }
  return findings
}

function checkListener(listener: RawMap, path: Path): Finding[] {
  const findings = Object.entries(STREAM_KEYS)
    .filter(([key]) => listener[key] !== undefined)
    .map(([key, why]) =>
      errorAt([...path, key], `"${key}" has no meaning with \`protocol: udp\`: ${why}`, 'key')
    )
  for (const { path: at, value } of [...select(listener, ['bind']), ...select(listener, ['bind', '*'])]) {
    const bind = textOf(value)
    if (bind?.startsWith('unix:') === true)
      findings.push(errorAt([...path, ...at], 'datagrams are not relayed over unix sockets'))
    if (bind?.startsWith('systemd:') === true)
      findings.push(errorAt([...path, ...at], 'systemd passes sockets of connections only; write an address'))
  }
  return findings
}

function checkPool(pool: RawMap, path: Path): Finding[] {
  const findings = Object.entries(POOL_KEYS)
    .filter(([key]) => pool[key] !== undefined)
    .map(([key, why]) => warningAt([...path, key], `"${key}" has no effect on datagrams: ${why}`, 'key'))
  if (textOf(pool['proxyProtocol'] as Raw) === 'v1')
    findings.push(errorAt([...path, 'proxyProtocol'], 'v1 of the PROXY protocol has no datagrams; write v2'))
  for (const backend of select(pool, ['backends', '*'])) {
    const address = isMap(backend.value) ? backend.value['address'] : backend.value
    if (textOf(address as Raw)?.startsWith('unix:') === true)
      findings.push(errorAt([...path, ...backend.path], 'datagrams are not relayed over unix sockets'))
  }
  return findings
}
