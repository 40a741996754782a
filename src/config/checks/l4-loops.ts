import { parseBackendAddress, parseBind } from '../addresses.ts'
import { textOf } from '../environment/env-text.ts'
import { isMap, type Raw, type RawMap, select } from '../raw.ts'
import { errorAt, type Finding, type Path } from '../report/problem.ts'

interface Door {
  readonly name: string
  readonly binds: readonly { readonly host: string; readonly port: number }[]
  readonly listener: RawMap
}

/** An L4 connection must not come back to where it came in: each would open the next, until descriptors end. */
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
      findings.push(errorAt([...path, ...backend.path], message))
    }
  }
  return findings
}

function door(path: Path, listener: Raw): Door[] {
  if (!isMap(listener) || textOf(listener['mode']) !== 'l4') return []
  const written = listener['bind']
  const list: readonly Raw[] = Array.isArray(written) ? written : [written as Raw]
  const binds = list.flatMap((value) => {
    const text = textOf(value)
    const bind = text === undefined ? 'none' : parseBind(text)
    return typeof bind === 'string' || bind.kind === 'unix' || bind.port === 0 ? [] : [bind]
  })
  return [{ name: textOf(listener['name'] as Raw) ?? String(path.at(-1)), binds, listener }]
}

function leads({ listener }: Door, pool: string): boolean {
  const pools = [...select(listener, ['pool']), ...select(listener, ['sni', '*', 'pool'])]
  return pools.some(({ value }) => textOf(value) === pool)
}

/** Whether this machine answers at `address` by that listener, as far as the file tells. */
function opens({ binds }: Door, address: Raw | undefined): boolean {
  const text = address === undefined ? undefined : textOf(address)
  const target = text === undefined ? 'none' : parseBackendAddress(text)
  if (typeof target === 'string' || target.kind === 'unix') return false
  const host = target.host.toLowerCase() === 'localhost' ? '127.0.0.1' : target.host
  const loopback = host.startsWith('127.') || host === '::1'
  return binds.some((bind) => {
    if (bind.port !== target.port) return false
    if (bind.host === host) return true
    if (host === '0.0.0.0' || host === '::') return true
    if (bind.host === '0.0.0.0') return loopback && host !== '::1'
    return bind.host === '::' && loopback
  })
}

/** Whether connections that come in at `from` can come in at `to`: itself, or over other listeners. */
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
