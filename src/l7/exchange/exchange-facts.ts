import { performance } from 'node:perf_hooks'
import { bareRecord } from '../../core/own.ts'
import type { Backend } from '../../balancer/pool/backend.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { CompiledRoute, L7Snapshot, Target } from '../compile/l7-snapshot.ts'
import { NO_HOOKS, type HookLists } from '../compile/hook-lists.ts'
import type { ForwardTimes } from '../forward/retry/attempts.ts'
import { checkLines } from '../message/checked-line.ts'
import { newRequestId } from '../headers/trace-ids.ts'
import { nameBits } from '../message/header-block.ts'
import type { Request } from '../message/request.ts'
import { SEEN_HOPS } from '../message/seen.ts'
import { NOT_COUNTED } from '../../shared/concurrency-table.ts'
import type { TlsFacts } from '../../net/tls/tls-facts.ts'
import type { ClientConnection } from './client/client-connection.ts'
import type { DownstreamStream } from './downstream-stream.ts'
import type { EngineContext } from './engine-context.ts'

/** The authenticated client. */
export interface Identity {
  readonly name: string
  readonly roles: readonly string[]
  /** Of a token. */
  readonly scopes?: readonly string[]
  readonly claims?: Readonly<Record<string, unknown>>
  /** By which rule: 'jwt', 'basic', … */
  readonly by: string
}

/** Of a field that a stage adds to the access log. */
export type LogValue = string | number | boolean

/** What is known of an exchange; each field is written by the stage or part that its comment names. */
export abstract class ExchangeFacts {
  readonly request: Request
  readonly downstream: DownstreamStream
  readonly snapshot: L7Snapshot
  readonly context: EngineContext
  /** performance.now() when the head was read. */
  readonly startedAt: number
  /** A GET that came through no other proxy. */
  protected readonly plainGet: boolean
  /** The stages of the route, once the router has found one; before that, the stages of the listener. */
  stages: HookLists
  /** Written by the router only. */
  route: CompiledRoute | undefined
  /** The pool that is asked. Written by the destination stage, or by a later stage that chooses another pool. */
  target: Target | undefined
  /** The client's address as far as trusted proxies name it. Written by the forwarding stage only. */
  clientIp = ''
  /** The peer is a proxy that is believed. */
  trusted = false
  /** Lower case, without port. Written by the target stage only, as path and query. */
  host = ''
  /** Normalised. */
  path = ''
  /** Raw, undefined without "?". The auth stage may take a credential out. */
  query: string | undefined
  /** The host that replaces the Host field: the request named it in its target, or named none ('' until then). */
  authority: string | undefined
  /** The path to ask for. Written by the target stage, then by the rewrite stage. */
  forwardPath = ''
  /** Length of the body that goes on, where it was held until it was whole. Written by the exchange only. */
  forwardLength: number | undefined
  /** Set by auth. */
  identity: Identity | undefined
  /** Hash by which `hash` and `maglev` pools choose, in place of the pool's own key. Written by stages. */
  hashKey: string | undefined
  /**
   * Written by the concurrency stage only. A field and not a Map of the stage: tables of a Map that exchanges come and go in
   * drag them into the old generation (docs/discoveries/maps-that-churn.md).
   */
  concurrencyPlace = NOT_COUNTED
  /** As in the Cache-Status field, '' without a cache. Written by the cache stage only. */
  cacheStatus = ''
  /** The backend that answered, or failed to. Written by the exchange only, as the two below. */
  backend: Backend | undefined
  /** Tries after the first. */
  retries = 0
  /** The body goes on in other bytes than it comes in. Written by `changeRequestBody` only. */
  bodyChanges = false
  /** Of the steps with the backend; undefined where none was asked. */
  times: ForwardTimes | undefined
  /** Bytes of the request's body. */
  bytesIn = 0
  /** Of the response, 0 before its head. Written by the exit only, as `bytesOut`. */
  status = 0
  bytesOut = 0
  /** Written when the exchange fails. */
  errorCode: ErrorCode | undefined
  errorReason = ''
  /** Written by `addResponseLines` only. */
  protected responseLines = ''
  protected responseLineBits = 0
  #requestId = ''
  /** One after the other: a record of any names is a hash table, which is dear to make and to read. */
  #logFields: LogValue[] | undefined
  #requestFields: [string, string | undefined][] | undefined

  constructor(request: Request, downstream: DownstreamStream, snapshot: L7Snapshot, context: EngineContext) {
    this.request = request
    this.downstream = downstream
    this.snapshot = snapshot
    this.context = context
    this.plainGet = request.method === 'GET' && (request.seen & SEEN_HOPS) === 0
    this.stages = this.plainGet ? snapshot.stages.plainGet : snapshot.stages.all
    this.startedAt = performance.now()
  }

  /** That of a trusted peer, or made when it is first asked for: a stored response that nobody logs goes out without. */
  get requestId(): string {
    if (this.#requestId === '') this.#requestId = newRequestId()
    return this.#requestId
  }

  set requestId(id: string) {
    this.#requestId = id
  }

  /** Nothing is sent and nothing is counted: `lb explain`. */
  get dry(): boolean {
    return false
  }

  get client(): ClientConnection {
    return this.downstream.client
  }

  get scheme(): 'http' | 'https' {
    return this.downstream.client.scheme
  }

  get tls(): TlsFacts | undefined {
    return this.downstream.client.tls
  }

  /** As `authority`. An HTTP/1.0 client may leave the host out; a backend of HTTP/1.1 must get one. */
  get forwardAuthority(): string | undefined {
    return this.authority === '' ? this.target!.pool.pool.name : this.authority
  }

  /** One field more in the access log's line; the name is the stage's, never the client's. */
  addLogField(name: string, value: LogValue): void {
    const fields = (this.#logFields ??= [])
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === name) return void (fields[i + 1] = value)
    }
    fields.push(name, value)
  }

  /** Names and values by turns. */
  get logFieldList(): readonly LogValue[] | undefined {
    return this.#logFields
  }

  get logFields(): Readonly<Record<string, unknown>> | undefined {
    const fields = this.#logFields
    if (fields === undefined) return undefined
    const pairs = fields.flatMap((value, i) => (i % 2 === 0 ? [[String(value), fields[i + 1]] as const] : []))
    return bareRecord<unknown>(pairs)
  }

  /** The request goes to the backend with this field, in place of any of the name; undefined: without it. */
  setRequestField(name: string, value: string | undefined): void {
    ;(this.#requestFields ??= []).push([name, value])
  }

  get requestFields(): readonly (readonly [string, string | undefined])[] | undefined {
    return this.#requestFields
  }

  /**
   * The response goes to the client with these lines too, "Name: value\r\n", whoever makes it; `bits` of their names, by
   * whoever knows both beforehand: other lines are checked.
   */
  addResponseLines(lines: string, bits?: number): void {
    if (bits === undefined) checkLines(lines)
    this.responseLines += lines
    this.responseLineBits |= bits ?? nameBits(lines)
  }

  /** Kept for `lb explain` only. */
  note(_text: string): void {}

  /** From now on no hook is called except `done` and, with `edits`, those that edit the head of a response. */
  protected dropHooks(edits: boolean): void {
    const { done, response } = this.stages
    this.stages = edits ? { ...NO_HOOKS, done, response } : { ...NO_HOOKS, done }
  }
}
