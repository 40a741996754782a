import type { Pass } from '../../net/admission/gate.ts'
import { clientAddress } from '../../net/address/client-address.ts'
import { proxyProtocolHeader } from '../../net/proxy-protocol/write.ts'
import { hashKeyOf } from '../forward/hash-key.ts'
import type { Exchange } from './exchange.ts'
import type { Outgoing } from '../forward/forward-owner.ts'
import { ForwardedWriter } from '../headers/forwarded.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { keptRequestId, newRequestId } from '../headers/request-id.ts'
import { isLoop } from '../headers/via.ts'
import {
  SEEN_FORWARDED,
  SEEN_REQUEST_ID,
  SEEN_VIA,
  SEEN_X,
  SEEN_X_FORWARDED
} from '../http1/parse/field-scanner.ts'
import { guard } from '../stages/limits/guard.ts'
import { sendLocal } from './local-answer.ts'
import { answersItself } from '../stages/max-forwards/max-forwards.ts'
import { clientFields } from './response-fields.ts'
import { requestFraming, requestHead } from '../forward/request-fields.ts'
import type { CompiledRoute, Target } from '../compile/snapshot.ts'
import { forwardedPath, normalisePath } from '../uri/normalise-path.ts'
import { forwardedHost, hostName } from '../uri/host.ts'
import { splitTarget } from '../uri/target.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import { cacheRequest, keyedAuthority } from '../stages/cache/cache-request.ts'
import { SentFields } from '../stages/cache/sent-fields.ts'
import { fetchThroughCache } from '../stages/cache/cached-exchange.ts'
import { mirrorRequest } from '../stages/mirror/mirror.ts'

/** What one connection remembers from exchange to exchange. */
export interface ConnectionMemo {
  forwarded: ForwardedWriter | undefined
  /** What the connection is counted in, where the listener limits connections. */
  readonly pass: Pass | undefined
}

const NO_CONTEXT: PickContext = {}

/**
 * The way of an exchange from its head to a backend, in this order: target and host, loop, route, guard, the route's
 * own answer or rewrite, fields, cache, pick. Each step either goes on or has answered.
 */
export function begin(exchange: Exchange, memo: ConnectionMemo): void {
  const { request, snapshot, downstream, context } = exchange
  const seen = request.seen
  // X-Real-IP and the like are among SEEN_X.
  const wordOfProxy = (seen & (SEEN_X_FORWARDED | SEEN_FORWARDED | SEEN_REQUEST_ID | SEEN_X)) !== 0
  const trusted = wordOfProxy && snapshot.trusted.size > 0 && snapshot.trusted.contains(downstream.peer)
  exchange.clientIp = trusted
    ? clientAddress(
        downstream.peer,
        snapshot.trusted,
        request.headers.get('x-forwarded-for'),
        request.headers.get('forwarded')
      )
    : downstream.peer
  const kept = trusted && (seen & SEEN_REQUEST_ID) !== 0 ? request.headers.first('x-request-id') : undefined
  exchange.requestId = keptRequestId(kept) ?? newRequestId()

  if (request.method === 'CONNECT' || (request.method === 'TRACE' && !snapshot.config.trace)) {
    return exchange.fail('LB_METHOD', 'CONNECT and TRACE are not for gateways')
  }
  const target = splitTarget(request.method, request.target)
  if (target === undefined) return exchange.fail('LB_BAD_REQUEST', 'malformed request target')
  // RFC 9112 §3.2.2: the host in the target replaces the field.
  let authority = target.authority
  if (authority === undefined && request.host === '') authority = ''
  else if (authority === undefined && request.host.endsWith(':')) authority = forwardedHost(request.host)
  const host = hostName(authority ?? request.host)
  if (host === undefined && authority !== '') return exchange.fail('LB_BAD_HOST', 'malformed host')
  const path = target.form === 'asterisk' ? '*' : normalisePath(target.path, snapshot.config.paths)
  if (path === undefined) return exchange.fail('LB_BAD_PATH', 'a path that servers read differently')
  exchange.host = host ?? ''
  exchange.path = path
  exchange.query = target.query
  if ((seen & SEEN_VIA) !== 0 && isLoop(request.headers.get('via') ?? '', context.pseudonym)) {
    return exchange.fail('LB_LOOP', 'the request has been here before')
  }

  if ((request.method === 'OPTIONS' || request.method === 'TRACE') && answersItself(exchange)) return

  const route = snapshot.router.match({
    host: exchange.host,
    path,
    query: target.query,
    method: request.method,
    headers: request.headers,
    clientIp: exchange.clientIp
  })
  if (route === undefined) return exchange.fail('LB_NO_ROUTE', 'no route matches')
  exchange.route = route
  route.requests.add()
  if (route.guarded) {
    const refused = guard(request, route.limits)
    if (refused !== undefined) return exchange.fail(refused.code, refused.reason)
  }

  let forwardPath = target.form === 'asterisk' ? '*' : forwardedPath(target.path, path)
  if (route.rewrite !== undefined) {
    const rewritten = route.rewrite(path)
    if (rewritten === undefined) return exchange.fail('LB_BAD_PATH', 'the rewrite leads out of the root')
    forwardPath = rewritten
  }
  const destination = chooseTarget(exchange, route)
  if (destination === undefined) return
  const query = target.query === undefined ? '' : `?${target.query}`
  if (route.cache !== undefined) authority = keyedAuthority(exchange, authority, trusted)
  exchange.authority = authority
  if (authority === '') authority = destination.pool.pool.name
  const forwarded = (memo.forwarded ??= new ForwardedWriter({
    peer: downstream.peer,
    scheme: downstream.scheme
  }))
  const make = (): Outgoing => ({
    method: request.method,
    head: requestHead(exchange, forwardPath + query, authority, forwarded, trusted),
    framing: requestFraming(exchange),
    upgrade: request.upgrade,
    context: pickContext(exchange, destination),
    preface: preface(exchange, destination)
  })
  if (route.cache !== undefined && request.upgrade === '') {
    // What upstream will not see may not choose what is stored, nor which variant it is.
    if (request.connectionNames !== '') dropConnectionNamed(request.headers, request.connectionNames)
    // A rewritten path is made of the normalised one; any other goes on as the client wrote it, so it is in the key.
    // So is an empty query, which is not the same as none to everybody.
    const rawPath = (route.rewrite === undefined ? forwardPath : path) + (query === '?' ? query : '')
    let once: Outgoing | undefined
    const outgoing = (): Outgoing => (once ??= make())
    const sent = new SentFields(request.headers, route.requestEdits, () => outgoing().head)
    const asked = cacheRequest(exchange, authority, trusted, rawPath, sent)
    return fetchThroughCache(exchange, route.cache, destination, asked, outgoing)
  }
  const made = make()
  if (route.mirror !== undefined) mirrorRequest(exchange, route.mirror, made)
  exchange.send(destination, made)
}

/** The pool to ask, or undefined when the route has answered itself. */
function chooseTarget(exchange: Exchange, route: CompiledRoute): Target | undefined {
  const { action } = route
  switch (action.kind) {
    case 'pool':
      return action.target
    case 'split':
      return action.targets.pick(exchange.context.random)
    case 'redirect': {
      const location = action.location({ host: exchange.host, path: exchange.path, query: exchange.query })
      sendLocal(exchange, action.status, clientFields(exchange, `Location: ${location}\r\n`), NO_BYTES)
      exchange.sendEnd('')
      return undefined
    }
    case 'respond':
      sendLocal(exchange, action.status, clientFields(exchange, action.fields), action.body)
      exchange.sendEnd('')
      return undefined
  }
}

const NO_BYTES = Buffer.alloc(0)

function pickContext(exchange: Exchange, target: Target): PickContext {
  const { hashKey, sticky } = target.pool
  if (hashKey === undefined && sticky === undefined) return NO_CONTEXT
  const context: PickContext = {}
  if (hashKey !== undefined) context.hash = hashKeyOf(exchange, hashKey)
  const name = sticky?.read(exchange)
  if (name !== undefined) context.sticky = name
  return context
}

/** The PROXY header that begins a connection made for this exchange alone. */
function preface(exchange: Exchange, target: Target): Buffer | undefined {
  const version = target.pool.pool.config.proxyProtocol
  if (version === undefined) return undefined
  const { source, destination } = exchange.downstream.ends
  return proxyProtocolHeader(version, source, destination)
}
