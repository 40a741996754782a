import { contain } from '../../core/containment.ts'
import { GO_ON, WAITS, type Verdict } from '../stages/verdict.ts'
import type { RequestHook } from '../compile/hook-lists.ts'
import type { CompiledRoute } from '../compile/l7-snapshot.ts'
import { isAmbiguous, readingProblem } from '../uri/path-readings.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import type { Waiting } from './wait.ts'

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
