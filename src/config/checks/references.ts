import { EnvText, textOf } from '../environment/env-text.ts'
import { nearest, oddLetter } from '../report/nearest.ts'
import { errorAt, type Finding, type Path, warningAt } from '../report/problem.ts'
import { isMap, type Raw, select, valueAt } from '../raw.ts'

/** A pool with such a name is probably a key of a pool whose own name is missing. */
const POOL_KEYS = new Set(['backends', 'algorithm', 'health', 'timeouts', 'tls', 'sticky', 'discover'])

/** Every key that refers to a pool or a cache. A new one is a new row. */
const references: readonly { readonly pattern: Path; readonly to: 'pools' | 'caches' }[] = [
  { pattern: ['listeners', '*', 'pool'], to: 'pools' },
  { pattern: ['listeners', '*', 'sni', '*', 'pool'], to: 'pools' },
  { pattern: ['listeners', '*', 'routes', '*', 'pool'], to: 'pools' },
  { pattern: ['listeners', '*', 'routes', '*', 'split', '*', 'pool'], to: 'pools' },
  { pattern: ['listeners', '*', 'routes', '*', 'mirror', 'pool'], to: 'pools' },
  // A plugin that chooses a pool refers to it here.
  { pattern: ['listeners', '*', 'plugins', '*', 'pool'], to: 'pools' },
  { pattern: ['listeners', '*', 'routes', '*', 'plugins', '*', 'pool'], to: 'pools' },
  { pattern: ['listeners', '*', 'cache', 'store'], to: 'caches' },
  { pattern: ['listeners', '*', 'routes', '*', 'cache', 'store'], to: 'caches' }
]

const words = { pools: 'pool', caches: 'cache' } as const

/** Every name that is used must be defined, and every defined one should be used. */
export function checkReferences(root: Raw): Finding[] {
  const findings: Finding[] = []
  const used = { pools: new Set<string>(), caches: new Set<string>() }
  const known = { pools: namesIn(root, 'pools'), caches: namesIn(root, 'caches') }
  const broken = { pools: false, caches: false }
  for (const { pattern, to } of references) {
    for (const { path, value } of select(root, pattern)) {
      const name = textOf(value)
      if (name === undefined || name === '') continue
      used[to].add(name)
      if (known[to].has(name)) continue
      broken[to] = true
      findings.push(errorAt(path, missing(name, to, [...known[to]])))
    }
  }
  for (const to of ['pools', 'caches'] as const) {
    // With a misspelt name, its pool only seems unused.
    if (broken[to]) continue
    for (const name of known[to]) {
      if (used[to].has(name)) continue
      findings.push(warningAt([to, name], `${words[to]} "${name}" is not used by any listener`, 'key'))
    }
  }
  return findings
}

function namesIn(root: Raw, key: string): Set<string> {
  const map = valueAt(root, [key])
  return new Set(map instanceof EnvText || !isMap(map) ? [] : Object.keys(map))
}

function missing(name: string, to: 'pools' | 'caches', known: readonly string[]): string {
  const word = words[to]
  if (to === 'pools' && /^[\w.-]+:\d+$|^\[.*\]:\d+$|^https?:/.test(name))
    return `there is no pool "${name}"; an address is a backend: write \`pools: { web: { backends: ["${name.replace(/^https?:\/\//, '')}"] } }\` and name it here`
  const near = known.some((each) => POOL_KEYS.has(each)) ? undefined : nearest(name, known)
  if (near !== undefined) return `there is no ${word} "${name}"; did you mean "${near}"?${oddLetter(name)}`
  if (known.length === 0) return `there is no ${word} "${name}"; define it under "${to}:"`
  const shown = known.slice(0, 8).join(', ')
  return `there is no ${word} "${name}"; define it under "${to}:" or use ${shown}${known.length > 8 ? ', …' : ''}`
}
