import { performance } from 'node:perf_hooks'
import type { Backend } from '../../balancer/pool/backend.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { CompiledRoute, L7Snapshot, Target } from '../compile/l7-snapshot.ts'
import { NO_HOOKS, type HookLists, type RequestHook } from '../compile/hook-lists.ts'
import type { ForwardTimes } from '../forward/retry/attempts.ts'
import { newRequestId } from '../headers/trace-ids.ts'
import { checkLines } from '../message/checked-line.ts'
import { nameBits } from '../message/header-block.ts'
import type { Request } from '../message/request.ts'
import { SEEN_HOPS } from '../message/seen.ts'
import { NOT_COUNTED } from '../../shared/concurrency-table.ts'
import type { TlsFacts } from '../../net/tls/tls-facts.ts'
import type { ClientConnection } from './client/client-connection.ts'
import type { DownstreamStream } from './downstream-stream.ts'
import type { EngineContext } from './engine-context.ts'
import { contain } from '../../core/containment.ts'
import { GO_ON, WAITS, type Verdict } from '../stages/verdict.ts'
import { isAmbiguous, readingProblem } from '../uri/normalise-path.ts'
import type { Waiting } from './wait.ts'
import { addTo, type LogFields, type LogValue } from './log-fields.ts'

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

/** What is known of an exchange; each field is written by the stage or part that its comment names. */
export abstract class ExchangeFacts {
  readonly request: Request
  readonly downstream: DownstreamStream
  readonly client: ClientConnection
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
  /** The backend that answered, or failed to. Written by the exchange only. */
  backend: Backend | undefined
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
  /** Written by `addLogField` only. */
  logFields: LogFields | undefined
  /** Of the request to the backend. Written by `setRequestField` only. */
  requestFields: (readonly [string, string | undefined])[] | undefined

  constructor(request: Request, downstream: DownstreamStream, snapshot: L7Snapshot, context: EngineContext) {
    this.request = request
    this.downstream = downstream
    this.client = downstream.client
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

  get scheme(): 'http' | 'https' {
    return this.client.scheme
  }

  get tls(): TlsFacts | undefined {
    return this.client.tls
  }

  /** Tries after the first. */
  get retries(): number {
    return this.times?.retries ?? 0
  }

  /** One field more in the access log's line; the name is the stage's, never the client's. */
  addLogField(name: string, value: LogValue): void {
    this.logFields = addTo(this.logFields, name, value)
  }

  /** The request goes to the backend with this field, in place of any of the name; undefined: without it. */
  setRequestField(name: string, value: string | undefined): void {
    ;(this.requestFields ??= []).push([name, value])
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

  /**
   * From now on no hook is called except `done` and those that edit the head of a response: all of them with `edits`, else
   * those without which the client could not read it, and none where one of these was all that was left to throw.
   */
  protected dropHooks(edits: boolean): void {
    const { done, response } = this.stages
    const needed = edits ? response : response.filter(({ neededByErrors }) => neededByErrors === true)
    const kept = edits || needed.length < response.length ? needed : []
    this.stages = { ...NO_HOOKS, done, response: kept }
  }
}

/**
 * Asks the stages of an exchange one after the other: those that come before the route is known, the router, then the
 * route's own; at the end a backend is asked. A stage that waits stops the walk until its wait is over.
 */
export abstract class StageRun extends ExchangeFacts implements Waiting {
  #early = true
  #next = 0
  #running = false
  /** A wait that was over before its stage had returned. */
  #settled: Verdict | undefined

  abstract readonly ended: boolean
  abstract send(): void
  abstract fail(
    code: 'LB_NO_ROUTE' | 'LB_BAD_PATH' | 'LB_UPSTREAM_PROTOCOL' | 'LB_NOT_IMPLEMENTED',
    reason: string
  ): void

  /** This object, as hooks take it. */
  protected get self(): never {
    return this as never
  }

  /** Begins, or goes on after a wait. */
  run(): void {
    this.#running = true
    try {
      this.#walk()
    } catch (error) {
      this.crash(error)
    } finally {
      this.#running = false
    }
  }

  #walk(): void {
    if (this.#early) {
      const { early } = this.snapshot
      if (!this.#ask(this.plainGet ? early.plainGet : early.all)) return
      this.#early = false
      this.#next = 0
      const route = this.findRoute()
      const problem = isAmbiguous(this.path) ? this.#pathProblem(route) : undefined
      if (problem !== undefined) return this.fail('LB_BAD_PATH', problem)
      if (route === undefined) return this.fail('LB_NO_ROUTE', 'no route matches')
      this.route = route
      this.stages = this.plainGet ? route.stages.plainGet : route.stages.all
      if (!this.dry) route.requests.add()
    }
    if (this.#ask(this.stages.request)) this.send()
  }

  #pathProblem(route: CompiledRoute | undefined): string | undefined {
    const { paths } = this.snapshot.config
    const policy = { ...paths, ...route?.config.paths }
    return readingProblem(this.path, policy, (path) => this.findRoute(path) === route)
  }

  protected findRoute(path = this.path): CompiledRoute | undefined {
    return this.snapshot.router.match({
      host: this.host,
      path,
      query: this.query,
      method: this.request.method,
      headers: this.request.headers,
      clientIp: this.clientIp,
      bodyLength: this.request.bodyLength,
      client: this.client,
      asked: this
    })
  }

  /** True when all have let the request go on. */
  #ask(stages: readonly RequestHook[]): boolean {
    while (this.#next < stages.length) {
      let verdict = this.askStage(stages[this.#next++]!)
      if (verdict === WAITS && this.#settled !== undefined) verdict = this.#settled
      this.#settled = undefined
      if (verdict !== GO_ON) return false
    }
    return true
  }

  protected askStage(stage: RequestHook): Verdict {
    return stage.request(this.self)
  }

  /** A fault of ours: the exchange ends, and nothing else does. */
  protected crash(error: unknown): void {
    // The stream ends its exchange, and itself where that cannot answer any more.
    contain(error, this.ended ? { onInternalError: () => this.snapshot.config.name } : this.downstream)
  }

  // Waiting.

  after(ms: number, run: () => void): () => void {
    return this.context.clock.after(ms, run)
  }

  waitOver(decide: () => Verdict): void {
    if (this.ended) return
    let verdict: Verdict
    try {
      verdict = decide()
    } catch (error) {
      return this.crash(error)
    }
    if (this.#running) {
      this.#settled = verdict
      return
    }
    if (verdict === GO_ON) this.run()
    this.downstream.flush()
  }

  /** Runs what may fail by a fault of ours; false when it did, and the exchange is over. */
  guarded(act: () => void): boolean {
    try {
      act()
      return true
    } catch (error) {
      this.crash(error)
      return false
    }
  }
}
