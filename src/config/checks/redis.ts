import { textOf } from '../environment/env-text.ts'
import { errorAt, type Finding, type Path, warningAt } from '../report/problem.ts'
import { isMap, type Raw, select, valueAt } from '../raw.ts'

const listener: Path = ['listeners', '*']

/** `store: redis` needs a `redis` key. */
export function checkRedis(root: Raw): Finding[] {
  const redis = valueAt(root, ['redis'])
  const empty = isMap(redis) && textOf(redis['url']) === ''
  if (redis !== undefined && !empty) return []
  const findings: Finding[] = []
  if (textOf(valueAt(root, ['acme', 'storage'])) === 'redis') {
    const why = empty
      ? '`storage: redis` needs a Redis, and `redis.url` is empty'
      : '`storage: redis` needs a Redis: add `redis: { url: "redis://host:6379" }` at the top of the file'
    findings.push(errorAt(['acme', 'storage'], why))
  }
  for (const { path, value } of select(root, ['caches', '*', 'store'])) {
    if (textOf(value) === 'redis')
      findings.push(missing(path, empty, 'entries are kept by this instance alone'))
  }
  for (const place of [listener, [...listener, 'routes', '*']]) {
    for (const item of [[], ['*']]) {
      for (const { path, value } of select(root, [...place, 'rateLimit', ...item, 'store'])) {
        if (textOf(value) !== 'redis') continue
        findings.push(missing(path, empty, 'each instance counts on its own'))
      }
    }
    for (const methods of [['auth'], ['auth', 'methods']]) {
      for (const { path, value } of select(root, [...place, ...methods, '*', 'oidc', 'store'])) {
        if (textOf(value) !== 'redis') continue
        findings.push(missing(path, empty, 'sessions are kept in cookies'))
      }
    }
  }
  return findings
}

function missing(path: Path, empty: boolean, effect: string): Finding {
  if (empty) return warningAt(path, `\`redis.url\` is empty: ${effect}`)
  return errorAt(
    path,
    '`store: redis` needs a Redis: add `redis: { url: "redis://host:6379" }` at the top of the file'
  )
}
