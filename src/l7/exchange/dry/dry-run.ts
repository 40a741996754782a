import type { L7ListenerConfig, PoolConfig, RouteAction } from '../../../config/model/model.ts'
import type { Clock } from '../../../core/clock.ts'
import { errors, type ErrorCode } from '../../../core/errors.ts'
import type { ClientCertificate, TlsFacts } from '../../../net/tls/tls-facts.ts'
import { dryContext, drySnapshot } from '../../compile/dry-snapshot.ts'
import type { L7Snapshot } from '../../compile/l7-snapshot.ts'
import type { EngineContext } from '../engine-context.ts'
import { parseFailure } from '../../http1/parse/parse-failure.ts'
import { readablePart } from '../../http1/parse/readable-part.ts'
import { parsedRequest, parseRequest } from '../../http1/parse/request-parser.ts'
import { readAsked, type AskedField } from '../../http2/server/asked-request.ts'
import { UNREADABLE, type Request } from '../../message/request.ts'
import type { ConditionName } from '../../router/conditions.ts'
import { failedCondition } from '../../router/explain-match.ts'
import { ClientConnection } from '../client/client-connection.ts'
import { DryExchange, type ExplainCache, type ExplainedCache } from './dry-exchange.ts'
import type { LoadedStage } from '../../stages/loaded.ts'
import { DryStream } from './dry-stream.ts'

/** What becomes of a request, as its stages decide it, without doing it. */
export interface ExchangeExplanation {
  /** Routes before the one that matches, in order, with the first condition of each that does not hold. */
  readonly passedOver: readonly { readonly route: string; readonly condition: ConditionName }[]
  readonly route?: string
  /** lb answers with this error itself. */
  readonly refused?: { readonly code: ErrorCode; readonly status: number; readonly why: string }
  readonly action?: ExplainedAction
  /** Path and query as the backend is asked for them. */
  readonly forwards?: string
  /** The fields that a backend gets, one line each. */
  readonly sends?: readonly string[]
  /** Of an answer that no backend makes. */
  readonly answers?: { readonly status: number; readonly fields: readonly string[] }
  readonly cache?: ExplainedCache
  /** What stages say beyond that. */
  readonly notes: readonly string[]
}

export type ExplainedAction =
  | { readonly kind: 'pool'; readonly pool: string }
  | {
      readonly kind: 'split'
      readonly targets: readonly { readonly pool: string; readonly weight: number }[]
    }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'respond'; readonly status: number }

export interface DryRunDeps {
  readonly listener: L7ListenerConfig
  readonly pools: Readonly<Record<string, PoolConfig>>
  /** The table of stages with plugins in it; left out: there are none. */
  readonly stages?: (() => readonly LoadedStage[] | undefined) | undefined
  /** Shared memory of the stages that are running, so that they tell its numbers; left out: nothing has been counted. */
  readonly stageMemories?: ReadonlyMap<string, unknown> | undefined
  readonly clock: Clock
  /** This process in Via: a request that has been here before is a loop. */
  readonly pseudonym: string
  readonly explainCache: ExplainCache
}

export interface AskedExchange {
  /** The head as a client would send it, latin1. */
  readonly head: string
  /** In place of `head`: it comes by HTTP/2, with these fields. */
  readonly http2?: readonly AskedField[]
  /** Where it comes from. */
  readonly peer: string
  /** Shown by the client over TLS, and verified. */
  readonly certificate?: ClientCertificate
}

export function dryRun(deps: DryRunDeps, asked: AskedExchange): ExchangeExplanation {
  const { listener } = deps
  const { context, snapshot } = compiled(deps)
  const scheme = listener.tls === undefined ? 'http' : 'https'
  const http2 = asked.http2 !== undefined
  const stream = new DryStream(new AskedClient(asked, scheme))
  const read = http2 ? readAsked(asked.http2, listener.limits) : readHead(asked.head, listener.limits)
  // As in traffic, what can be read of it decides in which form it is refused.
  const request = 'request' in read ? read.request : http2 ? UNREADABLE : readablePart(headBytes(asked.head))
  const exchange = new DryExchange(request, stream, snapshot, context, deps.explainCache)
  if ('urgency' in read) exchange.note(http2Words(listener, read.urgency, read.incremental))
  if ('request' in read) exchange.run()
  else exchange.fail(read.code, read.reason)
  return told(exchange, stream)
}

/** The client as it was described: there is no connection. */
class AskedClient extends ClientConnection {
  readonly ends = { source: undefined, destination: undefined }
  readonly tls: TlsFacts | undefined

  constructor({ peer, certificate, http2 }: AskedExchange, scheme: 'http' | 'https') {
    super(peer, scheme, undefined, http2 !== undefined)
    this.tls = certificate && tlsWith(certificate)
  }
}

function tlsWith(clientCertificate: ClientCertificate): TlsFacts {
  return {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    serverName: undefined,
    alpn: undefined,
    resumed: false,
    clientCertificate,
    clientProblem: undefined
  }
}

function readHead(
  head: string,
  limits: L7ListenerConfig['limits']
): { request: Request } | { code: ErrorCode; reason: string } {
  const bytes = headBytes(head)
  const end = parseRequest(bytes, 0, bytes.length, limits)
  return end > 0 ? { request: parsedRequest() } : parseFailure(end)
}

function headBytes(head: string): Buffer {
  return Buffer.from(head, 'latin1')
}

function http2Words({ tls, http2 }: L7ListenerConfig, urgency: number, incremental: boolean): string {
  const how = tls === undefined ? 'by prior knowledge, in clear text' : 'by ALPN over TLS'
  const turn = incremental ? ', in turns with others' : ''
  return `HTTP/2 ${how}: one of at most ${http2.maxStreams} streams at once, urgency ${urgency}${turn}`
}

interface Compiled {
  readonly pools: DryRunDeps['pools']
  readonly pseudonym: string
  readonly stageMemories: DryRunDeps['stageMemories']
  readonly context: EngineContext
  readonly snapshot: L7Snapshot
}

/** Of the listeners last asked about: a thousand tests of one configuration compile it once. */
const known = new WeakMap<L7ListenerConfig, Compiled>()

function compiled({ listener, pools, clock, pseudonym, stages, stageMemories }: DryRunDeps): Compiled {
  const before = known.get(listener)
  const same = before?.pools === pools && before.pseudonym === pseudonym
  if (same && before.stageMemories === stageMemories) return before
  const context = dryContext(clock, pseudonym)
  const snapshot = drySnapshot(listener, pools, context, stages?.(), stageMemories)
  const made = { pools, pseudonym, stageMemories, context, snapshot }
  known.set(listener, made)
  return made
}

function told(exchange: DryExchange, { answer }: DryStream): ExchangeExplanation {
  const { route, errorCode, errorReason, notes, cache } = exchange
  const passedOver = exchange.host === '' && exchange.path === '' ? [] : passedOverBy(exchange)
  const common = { passedOver, ...(route === undefined ? {} : { route: route.name }), notes }
  if (errorCode !== undefined) {
    const kind: { readonly status?: number } = errors[errorCode]
    const refused = { code: errorCode, status: answer?.status ?? kind.status ?? 500, why: errorReason }
    return { ...common, refused, ...answered(answer) }
  }
  if (route === undefined || exchange.target === undefined) {
    return {
      ...common,
      ...(route === undefined ? {} : actionOf(route.config.action, answer)),
      ...answered(answer)
    }
  }
  const { forwardPath, query } = exchange
  return {
    ...common,
    ...(movedBy(exchange, route.config.action) ?? actionOf(route.config.action, answer)),
    forwards: query === undefined ? forwardPath : `${forwardPath}?${query}`,
    ...(exchange.forwarded ? { sends: sentLines(exchange) } : answered(answer)),
    ...(cache === undefined ? {} : { cache })
  }
}

function passedOverBy(exchange: DryExchange): { route: string; condition: ConditionName }[] {
  const { host, path, query, clientIp, client, request, snapshot } = exchange
  const { method, headers, bodyLength } = request
  const input = { host, path, query, method, headers, clientIp, client, bodyLength }
  const passedOver: { route: string; condition: ConditionName }[] = []
  for (const { name, match } of snapshot.config.routes) {
    if (exchange.route?.name === name) break
    const condition = failedCondition(match, input, snapshot.config.paths)
    if (condition !== undefined) passedOver.push({ route: name, condition })
  }
  return passedOver
}

function actionOf(action: RouteAction, answer: DryStream['answer']): { readonly action?: ExplainedAction } {
  if (action.kind === 'pool' || action.kind === 'split') return { action }
  if (answer === undefined) return {}
  const { status, fields } = answer
  const location = /^location: ([^\r]*)/im.exec(fields)?.[1]
  // A stage in front may have answered otherwise.
  if (action.kind === 'respond' || location === undefined) return { action: { kind: 'respond', status } }
  return { action: { kind: 'redirect', status, location } }
}

/** A plugin may choose another pool than the route does. */
function movedBy(
  { target }: DryExchange,
  action: RouteAction
): { readonly action: ExplainedAction } | undefined {
  const pool = target!.pool.pool.name
  const pools = action.kind === 'pool' ? [action] : action.kind === 'split' ? action.targets : []
  return pools.some((each) => each.pool === pool) ? undefined : { action: { kind: 'pool', pool } }
}

/** Without framing, which is each connection's own. */
function sentLines(exchange: DryExchange): string[] {
  const { authority, headers } = exchange.outgoing
  return [...(authority === undefined ? [] : [`Host: ${authority}`]), ...fieldLines(headers.text)]
}

function answered(answer: DryStream['answer']): Pick<ExchangeExplanation, 'answers'> {
  if (answer === undefined) return {}
  return { answers: { status: answer.status, fields: fieldLines(answer.fields) } }
}

function fieldLines(text: string): string[] {
  return text.split('\r\n').filter((line) => line !== '')
}
