import { parseBind } from '../addresses.ts'
import { textOf } from '../environment/env-text.ts'
import { errorAt, type Finding, type Path, pathText } from '../report/problem.ts'
import { isMap, type Raw, select } from '../raw.ts'

interface Taken {
  readonly host: string
  /** The path in the configuration: `listeners[0].bind`, also for a bind that is not in a list. */
  readonly place: string
}

/**
 * No two binds may use one address, wildcards included; `[::]` is the IPv6 wildcard only. TCP and UDP ports are
 * separate.
 */
export function checkAddresses(root: Raw): Finding[] {
  const findings: Finding[] = []
  /** By port, or by the path of a unix socket. */
  const taken = new Map<string, Taken[]>()
  for (const { path, place, value, udp } of allBinds(root)) {
    const text = textOf(value)
    const bind = text === undefined ? undefined : parseBind(text)
    if (bind === undefined || typeof bind === 'string') continue
    const key = bind.kind === 'unix' ? bind.path : `${udp ? 'udp ' : ''}${bind.port}`
    const host = bind.kind === 'unix' ? '' : bind.host
    // For port 0 the system chooses another port each time.
    if (bind.kind === 'tcp' && bind.port === 0) continue
    const others = taken.get(key) ?? []
    const other = others.find((candidate) => overlap(candidate.host, host))
    if (other !== undefined) {
      findings.push(
        errorAt(path, `${bind.text} is already taken by ${other.place}; give one of them another port`)
      )
    } else {
      others.push({ host, place })
      taken.set(key, others)
    }
  }
  return findings
}

interface FoundBind {
  readonly path: Path
  readonly place: string
  readonly value: Raw
  readonly udp: boolean
}

function* allBinds(root: Raw): Generator<FoundBind> {
  for (const { path, value } of select(root, ['listeners', '*']))
    if (isMap(value)) yield* bindsAt(value, ['bind'], path, textOf(value['protocol'] as Raw) === 'udp')
  yield* bindsAt(root, ['admin', 'bind'], [], false)
}

function* bindsAt(from: Raw, pattern: Path, above: Path, udp: boolean): Generator<FoundBind> {
  for (const { path, value } of select(from, pattern)) {
    const list: readonly Raw[] = Array.isArray(value) ? value : []
    for (const [index, item] of list.entries()) {
      const at = [...above, ...path, index]
      yield { path: at, place: pathText(list.length === 1 ? at.slice(0, -1) : at), value: item, udp }
    }
  }
}

function overlap(a: string, b: string): boolean {
  if (a === b) return true
  if (a.includes(':') !== b.includes(':')) return false
  return a === '0.0.0.0' || b === '0.0.0.0' || a === '::' || b === '::'
}
