import { stageKeyNames } from '../schema/stage-schema.ts'
import { errorAt, type Finding, type Path } from './problem.ts'
import { isMap, type Raw, type RawMap, select, valueAt } from '../raw.ts'

interface Row {
  readonly pattern: Path
  /** Only these values; left out: the key whatever its value. */
  readonly values?: readonly string[]
  /** Only in listeners of this mode. */
  readonly mode?: 'l4' | 'l7'
  readonly message: string
  /** What stands in its place while the rest is checked. */
  readonly instead?: Raw
  /** A key that this one makes up for while the rest is checked. */
  readonly replaces?: { readonly key: string; readonly value: Raw }
}

const listener = ['listeners', '*'] as const
const route = [...listener, 'routes', '*'] as const

/**
 * Keys that belong to `lb` but are not built yet. They are refused, never silently accepted. Whoever builds one adds it
 * to the schema and takes its rows away here.
 */
const all: readonly Row[] = [
  ...[listener, route].flatMap((place): Row[] => [
    { pattern: [...place, 'auth'], message: 'authentication' },
    { pattern: [...place, 'require'], message: 'roles' }
  ])
]

/** Without the keys that stages have brought meanwhile. */
const rows = all.filter(({ pattern }) => !stageKeyNames.includes(String(pattern.at(-1))))

/**
 * Reports what is not built yet and takes it out of the values, so that the rest is checked as if it were not there.
 */
export function refuseNotSupported(root: Raw): Finding[] {
  const findings: Finding[] = []
  for (const { path, value } of select(root, [...listener, 'mode'])) {
    if (value !== 'udp') continue
    findings.push(errorAt(path, '"mode" is l4 or l7; for datagrams write `mode: l4, protocol: udp`'))
    ;(valueAt(root, path.slice(0, -1)) as RawMap)['mode'] = 'l4'
  }
  for (const row of rows) {
    for (const { path, value } of select(root, row.pattern)) {
      const parent = valueAt(root, path.slice(0, -1))
      // Of a list its key is named, for an item.
      const key = String(Array.isArray(parent) ? path.at(-2) : path.at(-1))
      if (!isMap(parent) && !Array.isArray(parent)) continue
      if (row.values !== undefined && !(typeof value === 'string' && row.values.includes(value))) continue
      if (row.mode !== undefined && (parent as RawMap)['mode'] !== row.mode) continue
      const named = row.values === undefined ? `"${key}"` : `"${key}: ${String(value)}"`
      findings.push(errorAt(path, `${named} is not supported yet: ${row.message}; take it out`, 'key'))
      const at = path.at(-1) as keyof typeof parent
      if (row.instead === undefined) delete (parent as RawMap)[key]
      else (parent as Record<keyof typeof parent, Raw>)[at] = row.instead
      if (row.replaces !== undefined) (parent as RawMap)[row.replaces.key] ??= row.replaces.value
    }
  }
  return findings
}
