import type { Rewrite, RouteAction, RouteCache, RouteConfig, RouteMatch } from '../model/model.ts'
import type { L7Input } from '../schema/listener/listener.ts'
import type { CacheInput } from '../schema/listener/cache.ts'
import type { MatchInput, MatchPartInput } from '../schema/listener/match.ts'
import type { HeadersInput } from '../schema/listener/header-edits.ts'
import type { RouteInput } from '../schema/listener/route.ts'
import type { RouteRetryInput } from '../schema/retry.ts'
import { stageValues, type StageInputs } from './stage-values.ts'
import { withoutUndefined } from './without-undefined.ts'

const NO_EDITS = { set: {}, add: {}, remove: [] }
const MATCH_ALL: RouteMatch = { host: [], methods: [], headers: {}, query: {}, clientIp: [] }

/** What a route inherits from its listener where it has no value of its own. */
type Inherited = Pick<L7Input, 'headers' | 'cache' | 'retry'> & StageInputs

export function buildRoute(input: RouteInput, name: string, listener: Inherited): RouteConfig {
  const { timeouts, mirror } = input
  return {
    name: input.name ?? name,
    match: buildMatch(input.match),
    action: buildAction(input),
    ...(input.rewrite !== undefined && { rewrite: withoutUndefined(input.rewrite) satisfies Rewrite }),
    ...inherit(input, listener),
    timeouts: withoutUndefined({
      responseMs: timeouts.response,
      connectMs: timeouts.connect,
      idleMs: timeouts.idle
    }),
    limits: withoutUndefined(input.limits),
    paths: withoutUndefined(input.paths),
    ...(mirror !== undefined && {
      mirror: { pool: mirror.pool, share: mirror.percent, max: mirror.max, timeoutMs: mirror.timeout }
    })
  }
}

/** The `pool` of an L7 listener as a route that matches everything. */
export function routeForPool(pool: string, name: string, listener: Inherited): RouteConfig {
  return {
    name,
    match: MATCH_ALL,
    action: { kind: 'pool', pool },
    ...inherit({}, listener),
    timeouts: {},
    limits: {},
    paths: {}
  }
}

/** `redirectToHttps` of a listener as a route: the last one, except for a `pool` for requests that came over HTTPS. */
export function routeToHttps(port: number | undefined, name: string, listener: Inherited): RouteConfig {
  const at = port === undefined || port === 443 ? '' : `:${port}`
  return {
    name,
    // Behind a proxy that terminates TLS it would redirect for ever.
    match: { ...MATCH_ALL, clearText: true },
    action: { kind: 'redirect', to: `https://{host}${at}{path}{query}`, status: 308 },
    ...inherit({}, listener),
    timeouts: {},
    limits: {},
    paths: {}
  }
}

function inherit(
  route: Partial<Inherited>,
  listener: Inherited
): Pick<RouteConfig, 'headers' | 'cache' | 'retry' | 'stages'> {
  const headers: HeadersInput | undefined = route.headers ?? listener.headers
  const cache = route.cache ?? listener.cache
  const retry = route.retry ?? listener.retry
  return {
    stages: stageValues(listener, route),
    headers: headers ?? { request: NO_EDITS, response: NO_EDITS },
    ...(cache !== undefined && cache !== false && { cache: buildCache(cache) }),
    ...(retry !== undefined && { retry: buildRetry(retry) })
  }
}

function buildRetry(input: RouteRetryInput | false): NonNullable<RouteConfig['retry']> {
  return input === false ? { attempts: 0 } : withoutUndefined(input)
}

function buildMatch(input: MatchInput): RouteMatch {
  const { any, not } = input
  return {
    ...buildPart(input),
    ...(any !== undefined && { any: any.map(buildPart) }),
    ...(not !== undefined && { not: not.map(buildPart) })
  }
}

function buildPart(input: MatchPartInput): RouteMatch {
  const { path, pathPrefix, pathRegex, cookies, body } = input
  const headers = Object.entries(input.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
  return {
    host: (input.host ?? []).map((host) => host.toLowerCase()),
    ...(path !== undefined && { path }),
    ...(pathPrefix !== undefined && { pathPrefix }),
    ...(pathRegex !== undefined && { pathRegex }),
    methods: input.methods ?? [],
    headers: Object.fromEntries(headers) as RouteMatch['headers'],
    query: input.query ?? {},
    ...(cookies !== undefined && { cookies }),
    clientIp: input.clientIp ?? [],
    ...(input.clientCert !== undefined && { clientCert: input.clientCert }),
    ...(body !== undefined && { body: withoutUndefined(body) })
  }
}

function buildAction(input: RouteInput): RouteAction {
  if (input.redirect !== undefined) {
    const { pathRegex } = input.match
    const groups = pathRegex !== undefined && /\$[1-9]/.test(input.redirect.to) ? { groups: pathRegex } : {}
    return { kind: 'redirect', ...input.redirect, ...groups }
  }
  if (input.respond !== undefined) return { kind: 'respond', ...input.respond }
  if (input.split !== undefined) return { kind: 'split', targets: input.split }
  // The checks guarantee that one of the four is present.
  return { kind: 'pool', pool: input.pool! }
}

function buildCache(input: CacheInput): RouteCache {
  return {
    store: input.store,
    ...(input.defaultTtl !== undefined && { defaultTtlMs: input.defaultTtl }),
    ...(input.maxTtl !== undefined && { maxTtlMs: input.maxTtl }),
    heuristic: input.heuristic,
    negativeTtlMs: input.negativeTtl,
    key: { ...input.key, headers: input.key.headers.map((name) => name.toLowerCase()) },
    coalesce: input.coalesce,
    setCookie: input.setCookie,
    staleWhileRevalidateMs: input.staleWhileRevalidate,
    staleIfErrorMs: input.staleIfError
  }
}
