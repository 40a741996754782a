import { hostname, networkInterfaces } from 'node:os'
import { normalize } from 'node:path'
import { parseBackendAddress, parseBind } from '../addresses.ts'
import { textOf } from '../environment/env-text.ts'
import { isMap, type Raw, type RawMap, select } from '../raw.ts'
import { errorAt, type Finding, type Path, warningAt } from '../report/problem.ts'

interface Door {
  readonly name: string
  readonly binds: readonly { readonly host: string; readonly port: number }[]
  /** Paths of its unix sockets, without `.` and `..`. */
  readonly paths: readonly string[]
  readonly listener: RawMap
}

/** An L4 connection must not come back to its own listener: each would open the next, until descriptors run out. */
export function checkL4Loops(root: Raw): Finding[] {
  const doors = [...select(root, ['listeners', '*'])].flatMap(({ path, value }) => door(path, value))
  const findings: Finding[] = []
  for (const { path, value: pool } of select(root, ['pools', '*'])) {
    const name = String(path.at(-1))
    for (const backend of select(pool, ['backends', '*'])) {
      const address = isMap(backend.value) ? backend.value['address'] : backend.value
      const to = doors.find((one) => opens(one, address))
      if (to === undefined) continue
      const from = doors.find((one) => leads(one, name) && reaches(root, doors, to, one))
      if (from === undefined) continue
      const through =
        from === to ? `listener ${to.name} itself` : `listener ${to.name}, which leads back here`
      const message = `${textOf(address as Raw)} is ${through}: every connection would open another one, without end`
      // On the machine where the file will run, the address may belong to another one.
      const sure = isEverywhere(textOf(address as Raw)!)
      findings.push((sure ? errorAt : warningAt)([...path, ...backend.path], message))
    }
  }
  return findings
}

function door(path: Path, listener: Raw): Door[] {
  if (!isMap(listener) || textOf(listener['mode']) !== 'l4') return []
  const written = listener['bind']
  const list: readonly Raw[] = Array.isArray(written) ? written : [written as Raw]
  const all = list.flatMap((value) => {
    const bind = parseBind(textOf(value) ?? '')
    return typeof bind === 'string' ? [] : [bind]
  })
  const binds = all.flatMap((bind) => (bind.kind === 'tcp' && bind.port !== 0 ? [bind] : []))
  const paths = all.flatMap((bind) => (bind.kind === 'unix' ? [normalize(bind.path)] : []))
  return [{ name: textOf(listener['name'] as Raw) ?? String(path.at(-1)), binds, paths, listener }]
}

function leads({ listener }: Door, pool: string): boolean {
  const pools = [...select(listener, ['pool']), ...select(listener, ['sni', '*', 'pool'])]
  return pools.some(({ value }) => textOf(value) === pool)
}

/** Whether this machine accepts `address` with that listener, as far as the file shows. */
function opens({ binds, paths }: Door, address: Raw | undefined): boolean {
  const text = address === undefined ? undefined : textOf(address)
  const target = text === undefined ? 'none' : parseBackendAddress(text)
  if (typeof target === 'string') return false
  if (target.kind === 'unix') return paths.includes(normalize(target.path))
  const host = plainHost(target.host)
  const own = isOwn(host)
  return binds.some((bind) => {
    if (bind.port !== target.port) return false
    if (bind.host === host) return true
    if (host === '0.0.0.0' || host === '::') return true
    if (bind.host === '0.0.0.0') return own && !host.includes(':')
    return bind.host === '::' && own
  })
}

/** `::ffff:127.0.0.1` is the IPv4 address; `localhost` and the name of this machine are loopback. */
function plainHost(written: string): string {
  const host = written.toLowerCase()
  const mapped = /^(?:::|0:0:0:0:0:)ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(host)?.[1]
  if (mapped !== undefined) return mapped
  return host === 'localhost' || host === hostname().toLowerCase() ? '127.0.0.1' : host
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}

function isOwn(host: string): boolean {
  if (isLoopback(host)) return true
  return Object.values(networkInterfaces()).some(
    (list) => list?.some(({ address }) => address === host) ?? false
  )
}

/** Whether an address is the machine's own on every machine. */
function isEverywhere(text: string): boolean {
  const target = parseBackendAddress(text)
  if (typeof target === 'string' || target.kind === 'unix') return true
  if (target.host.toLowerCase() === hostname().toLowerCase() && target.host.toLowerCase() !== 'localhost')
    return false
  const host = plainHost(target.host)
  return isLoopback(host) || host === '0.0.0.0' || host === '::'
}

/** Whether connections to `from` can arrive at `to`: directly, or through other listeners. */
function reaches(root: Raw, doors: readonly Door[], from: Door, to: Door, seen = new Set<Door>()): boolean {
  if (from === to) return true
  if (seen.has(from)) return false
  seen.add(from)
  for (const { path, value: pool } of select(root, ['pools', '*'])) {
    if (!leads(from, String(path.at(-1)))) continue
    for (const { value } of select(pool, ['backends', '*'])) {
      const address = isMap(value) ? value['address'] : value
      const next = doors.find((one) => opens(one, address))
      if (next !== undefined && reaches(root, doors, next, to, seen)) return true
    }
  }
  return false
}
