import type { L7ListenerConfig, RouteAction, RouteConfig } from '../../config/model/model.ts'
import { errors, type ErrorCode } from '../../core/errors.ts'
import { clientAddress } from '../../net/address/client-address.ts'
import { compileCidrs } from '../../net/address/cidr.ts'
import type { CacheExplanation } from '../cache/decide/explain.ts'
import type { StoringExplanation } from '../cache/decide/explain-storing.ts'
import type { CacheRequest } from '../cache/ports.ts'
import { cacheRequest } from '../stages/cache/cache-request.ts'
import { guard } from '../stages/limits/guard.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { SEEN_FORWARDED, SEEN_REQUEST_ID, SEEN_X_FORWARDED } from '../message/seen.ts'
import { parseFailure } from '../http1/parse/parse-failure.ts'
import { parsedRequest, parseRequest } from '../http1/parse/request-parser.ts'
import type { Request } from '../message/request.ts'
import type { ConditionName } from '../router/conditions.ts'
import { failedCondition } from '../router/explain-match.ts'
import { compileRedirect } from '../router/redirect.ts'
import { compileRewrite } from '../router/rewrite.ts'
import { hostName } from '../uri/host.ts'
import { forwardedPath, normalisePath } from '../uri/normalise-path.ts'
import { badPath } from '../stages/target/target.ts'
import { encodedSlashProblem } from '../uri/encoded-slash.ts'
import { comparing } from '../uri/path-policy.ts'
import { splitTarget } from '../uri/target.ts'

/** What `begin` in pipeline.ts would do with a request, in words and without doing it. */
export interface ExchangeExplanation {
  /** Routes before the one that matches, in order, with the first condition of each that does not hold. */
  readonly passedOver: readonly { readonly route: string; readonly condition: ConditionName }[]
  readonly route?: string
  /** lb answers with this error itself. */
  readonly refused?: { readonly code: ErrorCode; readonly status: number; readonly why: string }
  readonly action?: ExplainedAction
  /** Path and query as the backend is asked for them. */
  readonly forwards?: string
  readonly cache?: ExplainedCache
}

export type ExplainedAction =
  | { readonly kind: 'pool'; readonly pool: string }
  | {
      readonly kind: 'split'
      readonly targets: readonly { readonly pool: string; readonly weight: number }[]
    }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'respond'; readonly status: number }

export interface ExplainedCache extends CacheExplanation {
  readonly store: string
  /** Left out where the answer comes from the cache. */
  readonly storing?: StoringExplanation
}

export interface AskedExchange {
  /** The head as a client would send it, latin1. */
  readonly head: string
  /** Where it comes from. */
  readonly peer: string
}

export type ExplainCache = (route: RouteConfig, request: CacheRequest) => ExplainedCache | undefined

export function explainExchange(
  listener: L7ListenerConfig,
  { head, peer }: AskedExchange,
  explainCache: ExplainCache
): ExchangeExplanation {
  const bytes = Buffer.from(head, 'latin1')
  const end = parseRequest(bytes, 0, bytes.length, listener.limits)
  if (end <= 0) {
    const { code, reason } = parseFailure(end)
    return refusal(code, reason)
  }
  const request = parsedRequest()
  const trusted = isTrusted(listener, request, peer)
  if (request.method === 'CONNECT' || (request.method === 'TRACE' && !listener.trace))
    return refusal('LB_METHOD', 'CONNECT and TRACE are not for gateways')
  const target = splitTarget(request.method, request.target)
  if (target === undefined) return refusal('LB_BAD_REQUEST', 'malformed request target')
  const host = hostName(target.authority ?? request.host) ?? ''
  const paths = comparing(listener.paths)
  const path = target.form === 'asterisk' ? '*' : normalisePath(target.path, paths)
  if (path === undefined) return refusal('LB_BAD_PATH', badPath(target.path, paths))
  const { query } = target
  const clientIp = trusted ? clientOf(listener, request, peer) : peer

  const passedOver: { route: string; condition: ConditionName }[] = []
  const input = { host, path, query, method: request.method, headers: request.headers, clientIp }
  const route = listener.routes.find(({ name, match }) => {
    const condition = failedCondition(match, input, paths)
    if (condition !== undefined) passedOver.push({ route: name, condition })
    return condition === undefined
  })
  const policy = { ...listener.paths, ...route?.paths }
  const routeOf = (read: string) =>
    listener.routes.find(({ match }) => failedCondition(match, { ...input, path: read }, paths) === undefined)
  const problem = encodedSlashProblem(path, policy, (read) => routeOf(read) === route)
  if (problem !== undefined) return { ...refusal('LB_BAD_PATH', problem), passedOver }
  if (route === undefined) return { ...refusal('LB_NO_ROUTE', 'no route matches'), passedOver }
  const told = { passedOver, route: route.name }
  const refused = guard(request, { ...listener.limits, ...route.limits })
  if (refused !== undefined) return { ...refusal(refused.code, refused.reason), ...told }

  const written = target.form === 'asterisk' ? '*' : forwardedPath(target.path, path)
  const forwarded = route.rewrite === undefined ? written : compileRewrite(route.rewrite, paths)(path)
  if (forwarded === undefined)
    return { ...refusal('LB_BAD_PATH', 'the rewrite leads out of the root'), ...told }
  const action = explainAction(route.action, { host, path, query })
  if (action.kind === 'redirect' || action.kind === 'respond') return { ...told, action }
  const forwards = forwarded + (query === undefined ? '' : `?${query}`)
  if (route.cache === undefined || request.upgrade !== '') return { ...told, action, forwards }
  dropConnectionNamed(request.headers, request.connectionNames)
  const scheme = listener.tls === undefined ? 'http' : 'https'
  const exchange = { request, path, query, host, scheme } as const
  const rawPath = (route.rewrite === undefined ? forwarded : path) + (query === '' ? '?' : '')
  const cache = explainCache(route, cacheRequest(exchange, target.authority, trusted, rawPath))
  return { ...told, action, forwards, ...(cache === undefined ? {} : { cache }) }
}

function refusal(code: ErrorCode, why: string): ExchangeExplanation {
  const kind: { readonly status?: number } = errors[code]
  return { passedOver: [], refused: { code, status: kind.status ?? 500, why } }
}

/** As in `begin`: only a peer that is trusted is believed what it tells of others. */
function isTrusted(listener: L7ListenerConfig, request: Request, peer: string): boolean {
  const wordOfProxy = (request.seen & (SEEN_X_FORWARDED | SEEN_FORWARDED | SEEN_REQUEST_ID)) !== 0
  return wordOfProxy && compileCidrs(listener.trustedProxies).contains(peer)
}

function clientOf(listener: L7ListenerConfig, { headers }: Request, peer: string): string {
  const trusted = compileCidrs(listener.trustedProxies)
  return clientAddress(peer, trusted, headers.get('x-forwarded-for'), headers.get('forwarded'))
}

function explainAction(
  action: RouteAction,
  facts: { readonly host: string; readonly path: string; readonly query: string | undefined }
): ExplainedAction {
  switch (action.kind) {
    case 'pool':
    case 'split':
      return action
    case 'redirect':
      return { kind: 'redirect', status: action.status, location: compileRedirect(action.to)(facts) }
    case 'respond':
      return { kind: 'respond', status: action.status }
  }
}
