import { isIP } from 'node:net'
import { own } from '../../core/own.ts'
import { parseBackendAddress } from '../addresses.ts'
import { numberOf, textOf } from '../environment/env-text.ts'
import type { AlgorithmName } from '../model/model.ts'
import { errorAt, type Finding, type Path, pathText, warningAt } from '../report/problem.ts'
import { isMap, type Raw, type RawMap, select } from '../raw.ts'

/** Which keys each algorithm uses. */
const uses: Readonly<Record<AlgorithmName, { readonly weight: boolean; readonly hash: boolean }>> = {
  'round-robin': { weight: false, hash: false },
  'weighted-round-robin': { weight: true, hash: false },
  'least-connections': { weight: true, hash: false },
  random: { weight: true, hash: false },
  'random-two': { weight: true, hash: false },
  'least-time': { weight: true, hash: false },
  hash: { weight: true, hash: true },
  maglev: { weight: true, hash: true },
  first: { weight: false, hash: false }
}

export function usesWeights(algorithm: AlgorithmName): boolean {
  return uses[algorithm].weight
}

/** Checks for keys of a pool that contradict each other, or that its algorithm does not use. */
export function checkPools(root: Raw): Finding[] {
  const findings: Finding[] = []
  for (const { path, value: pool } of select(root, ['pools', '*'])) {
    if (!isMap(pool)) continue
    findings.push(
      ...checkAlgorithm(pool, path),
      ...checkBackends(pool, path),
      ...checkDiscover(pool, path),
      ...checkBackendTls(pool, path),
      ...checkProtocol(pool, path),
      ...checkSource(pool, path)
    )
    const { sticky } = pool
    if (isMap(sticky) && textOf(sticky['sameSite']) === 'none' && sticky['secure'] !== true) {
      findings.push(
        errorAt(
          [...path, 'sticky', 'sameSite'],
          '`sameSite: none` needs `secure: true`; browsers drop the cookie'
        )
      )
    }
  }
  return findings
}

/** An address of one family reaches none of the other. */
function checkSource(pool: RawMap, path: Path): Finding[] {
  const source = textOf(pool['source'])
  const family = source === undefined ? 0 : isIP(source)
  if (family === 0) return []
  const findings: Finding[] = []
  for (const [index, backend] of (Array.isArray(pool['backends']) ? pool['backends'] : []).entries()) {
    const address = textOf(isMap(backend as Raw) ? (backend as RawMap)['address'] : (backend as Raw))
    const parsed = address === undefined ? undefined : parseBackendAddress(address)
    if (typeof parsed !== 'object' || parsed.kind !== 'tcp') continue
    const other = isIP(parsed.host)
    if (other === 0 || other === family) continue
    const message = `${parsed.text} is IPv${other}, which cannot be reached from ${source!}; give it a pool of its own`
    findings.push(errorAt([...path, 'backends', index], message))
  }
  return findings
}

/** Checks for keys that HTTP/2 cannot use or requires. */
function checkProtocol(pool: RawMap, path: Path): Finding[] {
  const protocol = textOf(pool['protocol'])
  if (protocol !== 'h2' && protocol !== 'h2c') return []
  const findings: Finding[] = []
  if (protocol === 'h2' && pool['tls'] === undefined) {
    const message = '`protocol: h2` is HTTP/2 over TLS and needs "tls"; in clear text it is h2c'
    findings.push(errorAt([...path, 'protocol'], message))
  }
  if (protocol === 'h2c' && pool['tls'] !== undefined) {
    findings.push(errorAt([...path, 'protocol'], '`protocol: h2c` is clear text; over TLS it is h2'))
  }
  const { connections } = pool
  if (isMap(connections) && connections['pipelining'] !== undefined) {
    const message = `"pipelining" is for HTTP/1.1; over ${protocol} requests share connections by themselves`
    findings.push(errorAt([...path, 'connections', 'pipelining'], message, 'key'))
  }
  if (pool['proxyProtocol'] !== undefined) {
    const message = `"proxyProtocol" names one client per connection, and over ${protocol} many share one`
    findings.push(errorAt([...path, 'proxyProtocol'], message, 'key'))
  }
  return findings
}

function checkAlgorithm(pool: RawMap, path: Path): Finding[] {
  const algorithm = textOf(pool['algorithm'])
  const findings: Finding[] = []
  if (algorithm === undefined) {
    if (pool['hash'] !== undefined)
      findings.push(
        errorAt([...path, 'hash'], '"hash" is used by `algorithm: hash` and maglev; write one of them', 'key')
      )
    return findings
  }
  const use = own(uses, algorithm)
  if (use === undefined) return []
  if (pool['hash'] !== undefined && !use.hash) {
    const message = `"hash" is ignored by \`algorithm: ${algorithm}\`; use hash or maglev, or take it out`
    findings.push(errorAt([...path, 'hash'], message, 'key'))
  }
  const { hash } = pool
  if (algorithm === 'maglev' && isMap(hash) && hash['boundedLoad'] !== undefined) {
    const message = '"boundedLoad" is ignored by `algorithm: maglev`; use hash, or take it out'
    findings.push(errorAt([...path, 'hash', 'boundedLoad'], message, 'key'))
  }
  if (use.weight) return findings
  const cure =
    algorithm === 'round-robin'
      ? 'use weighted-round-robin, or leave the algorithm out'
      : 'take the weight out'
  for (const { path: at, value } of select(pool, ['backends', '*', 'weight'])) {
    const weight = numberOf(value)
    if (weight === undefined || weight === 1) continue
    findings.push(errorAt([...path, ...at], `the weight is ignored by \`algorithm: ${algorithm}\`; ${cure}`))
  }
  return findings
}

function checkBackends(pool: RawMap, path: Path): Finding[] {
  const { backends } = pool
  if (!Array.isArray(backends) || backends.length === 0) return []
  const list = backends as readonly Raw[]
  const twice = addressesTwice(list, path)
  if (!list.every((backend) => isMap(backend) && backend['backup'] === true)) return twice
  return [
    ...twice,
    warningAt([...path, 'backends'], 'every backend is a backup; they serve as if none were', 'key')
  ]
}

/** One server under two names counts twice in everything, and where it fails a retry goes to it again. */
function addressesTwice(backends: readonly Raw[], path: Path): Finding[] {
  const seen = new Map<string, number>()
  const findings: Finding[] = []
  for (const [index, backend] of backends.entries()) {
    const address = isMap(backend) && backend['name'] !== undefined ? textOf(backend['address']) : undefined
    if (address === undefined) continue
    const first = seen.get(address)
    if (first === undefined) seen.set(address, index)
    else {
      const at = [...path, 'backends', index, 'address']
      findings.push(
        warningAt(
          at,
          `${address} is the backend of ${pathText([...path, 'backends', first])} too; a \`weight\` gives one backend more`
        )
      )
    }
  }
  return findings
}

/** A pool needs backends, or a source to learn them from. */
function checkDiscover(pool: RawMap, path: Path): Finding[] {
  const { discover, backends } = pool
  if (discover === undefined && backends === undefined) {
    const message = 'a pool needs `backends: ["10.0.0.1:8080"]`, or `discover` to learn them from'
    return [errorAt(path, message, 'key')]
  }
  if (!isMap(discover) || textOf(discover['dns']) === undefined) return []
  const type = textOf(discover['type']) ?? 'a'
  if (type === 'a' && discover['port'] === undefined) {
    return [
      errorAt([...path, 'discover', 'dns'], 'addresses tell no port; write `port: 8080` beside it', 'key')
    ]
  }
  if (type === 'srv' && discover['port'] !== undefined) {
    return [errorAt([...path, 'discover', 'port'], 'SRV records tell the port; take it out', 'key')]
  }
  return []
}

function checkBackendTls(pool: RawMap, path: Path): Finding[] {
  const { tls } = pool
  if (!isMap(tls)) return []
  if ((tls['cert'] === undefined) !== (tls['key'] === undefined)) {
    const [given, missing] = tls['cert'] === undefined ? ['key', 'cert'] : ['cert', 'key']
    return [errorAt([...path, 'tls', given], `"${given}" needs "${missing}" beside it`, 'key')]
  }
  if (tls['verify'] !== false) return []
  return [warningAt([...path, 'tls', 'verify'], "the backends' certificates are not checked", 'key')]
}
