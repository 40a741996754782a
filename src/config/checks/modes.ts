import { booleanOf, textOf } from '../environment/env-text.ts'
import { type Finding, type Path, warningAt } from '../report/problem.ts'
import { isMap, type Raw, type RawMap, select } from '../raw.ts'

/** Keys of a pool that one mode cannot use. */
const l4Keys = ['onUp', 'onRemoved'] as const
const l7Keys = ['sticky', 'connections'] as const

/** Warns of settings of a pool that no listener using it can honour. */
export function checkModes(root: Raw): Finding[] {
  const byMode = { l4: new Set<string>(), l7: new Set<string>() }
  for (const { value: listener } of select(root, ['listeners', '*'])) {
    if (!isMap(listener)) continue
    const mode = textOf(listener['mode'])
    if (mode === 'l4' || mode === 'l7') for (const pool of poolsOf(listener)) byMode[mode].add(pool)
  }
  const findings: Finding[] = []
  for (const { path, value: pool } of select(root, ['pools', '*'])) {
    if (!isMap(pool)) continue
    const name = String(path.at(-1))
    const inL4 = byMode.l4.has(name)
    const inL7 = byMode.l7.has(name)
    if (inL4) findings.push(...hashWarning(pool, path))
    if (inL4 && !inL7) findings.push(...unused(pool, path, l7Keys, 'l4'))
    if (inL7 && !inL4) findings.push(...unused(pool, path, l4Keys, 'l7'))
    findings.push(...returnWarning(pool, path))
    if (textOf(pool['onDown']) === 'close' && !('health' in pool))
      findings.push(
        warningAt(
          [...path, 'onDown'],
          '"onDown" has no effect without `health`: only probes call a backend down',
          'key'
        )
      )
  }
  return findings
}

function* poolsOf(listener: RawMap): Generator<string> {
  const patterns = [
    ['pool'],
    ['sni', '*', 'pool'],
    ['routes', '*', 'pool'],
    ['routes', '*', 'split', '*', 'pool'],
    ['routes', '*', 'mirror', 'pool']
  ]
  for (const pattern of patterns) {
    for (const { value } of select(listener, pattern)) yield textOf(value) ?? ''
  }
}

function unused(pool: RawMap, path: Path, keys: readonly string[], mode: string): Finding[] {
  return keys
    .filter((key) => pool[key] !== undefined)
    .map((key) =>
      warningAt([...path, key], `"${key}" has no effect: only listeners of mode ${mode} lead here`, 'key')
    )
}

function returnWarning(pool: RawMap, path: Path): Finding[] {
  if (textOf(pool['onUp']) !== 'close-backups' || 'discover' in pool) return []
  for (const { value } of select(pool, ['backends', '*', 'backup'])) if (booleanOf(value) === true) return []
  return [warningAt([...path, 'onUp'], '"onUp" has no effect: no backend has `backup: true`', 'key')]
}

function hashWarning(pool: RawMap, path: Path): Finding[] {
  const { hash } = pool
  const key = isMap(hash) ? textOf(hash['key']) : undefined
  if (key === undefined || key === 'client-ip') return []
  const message = `a connection of mode l4 has no ${key}; it gets a backend at random. Use client-ip for it`
  return [warningAt([...path, 'hash', 'key'], message)]
}
