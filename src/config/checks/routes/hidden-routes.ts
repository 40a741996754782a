import { regexRisk } from '../../../core/regex-risk.ts'
import type { L7ListenerConfig, RouteMatch, ValueMatch } from '../../model/model.ts'
import { type Finding, warningAt } from '../../report/problem.ts'

/** Pairs compared per listener; 1,000 routes make half a million, which takes about 10 ms. */
const MAX_PAIRS = 2_000_000

/**
 * Warns of routes that no request reaches, since an earlier route matches all their requests. Routes from `written` on
 * come from the listener's `pool`.
 */
export function findHiddenRoutes(
  listener: L7ListenerConfig,
  listenerIndex: number,
  written: number
): Finding[] {
  const findings: Finding[] = []
  const { routes } = listener
  let pairs = 0
  for (let later = 1; later < written; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      if (++pairs > MAX_PAIRS) return findings
      if (!covers(routes[earlier]!.match, routes[later]!.match)) continue
      const message = `route "${routes[later]!.name}" is never reached: "${routes[earlier]!.name}" before it takes all it matches`
      findings.push(warningAt(['listeners', listenerIndex, 'routes', later], message))
      break
    }
  }
  return findings
}

/** Whether `a` matches every request that `b` matches. It may miss a case, but a positive answer is always right. */
export function covers(a: RouteMatch, b: RouteMatch): boolean {
  return (
    coversPath(a, b) &&
    coversList(a.host, b.host, coversHost) &&
    coversList(a.methods, b.methods, (x, y) => x === y) &&
    coversList(a.clientIp, b.clientIp, (x, y) => x === y) &&
    coversList(a.clientCert ?? [], b.clientCert ?? [], (x, y) => x === y) &&
    coversFields(a.headers, b.headers) &&
    coversFields(a.query, b.query) &&
    coversFields(a.cookies ?? {}, b.cookies ?? {}) &&
    saysAsMuch(a.body, b.body) &&
    saysAsMuch(a.any, b.any) &&
    saysAsMuch(a.not, b.not)
  )
}

/** Whether `a` is absent or equal to `b`. */
function saysAsMuch(a: unknown, b: unknown): boolean {
  return a === undefined || JSON.stringify(a) === JSON.stringify(b)
}

function coversList(
  a: readonly string[],
  b: readonly string[],
  one: (a: string, b: string) => boolean
): boolean {
  if (a.length === 0) return true
  return b.length > 0 && b.every((inner) => a.some((outer) => one(outer, inner)))
}

function coversHost(a: string, b: string): boolean {
  return a === b || (a.startsWith('*.') && b.endsWith(a.slice(1)) && b.length > a.length - 1)
}

function coversFields(
  a: Readonly<Record<string, ValueMatch>>,
  b: Readonly<Record<string, ValueMatch>>
): boolean {
  return Object.entries(a).every(([name, value]) => {
    const other = Object.hasOwn(b, name) ? b[name] : undefined
    if (other === undefined) return false
    if (value === '*' || saysAsMuch(value, other)) return true
    return typeof value !== 'string' && typeof other === 'string' && other !== '*'
      ? matchesQuickly(value.regex, other)
      : false
  })
}

function coversPath(a: RouteMatch, b: RouteMatch): boolean {
  if (a.path !== undefined && a.path !== b.path) return false
  const inner = b.path ?? b.pathPrefix
  if (a.pathPrefix !== undefined && (inner === undefined || !isUnder(inner, a.pathPrefix))) return false
  if (a.pathRegex === undefined || a.pathRegex === b.pathRegex) return true
  return b.path !== undefined && matchesQuickly(a.pathRegex, b.path)
}

function isUnder(path: string, prefix: string): boolean {
  if (prefix === '/') return true
  const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
  return path === prefix || path.startsWith(`${bare}/`)
}

/** Expressions that may run for minutes are not tested. */
function matchesQuickly(regex: string, path: string): boolean {
  return regexRisk(regex) === undefined && new RegExp(regex).test(path)
}
