import type { RouteConfig } from '../../../config/model/model.ts'
import type { CacheExplanation } from '../../cache/decide/explain.ts'
import type { StoringExplanation } from '../../cache/decide/explain-storing.ts'
import type { CacheRequest } from '../../cache/ports.ts'
import type { RequestHook } from '../../compile/hook-lists.ts'
import type { L7Snapshot } from '../../compile/l7-snapshot.ts'
import type { Request } from '../../message/request.ts'
import type { Explanation } from '../../stages/explanation.ts'
import type { Verdict } from '../../stages/verdict.ts'
import type { DownstreamStream } from '../downstream-stream.ts'
import type { EngineContext } from '../engine-context.ts'
import { Exchange } from '../exchange.ts'

export interface ExplainedCache extends CacheExplanation {
  readonly store: string
  /** Left out where the answer comes from the cache. */
  readonly storing?: StoringExplanation
}

/** What the cache of a route would do; it changes nothing. */
export type ExplainCache = (route: RouteConfig, request: CacheRequest) => ExplainedCache

interface Explains {
  readonly name: string
  explain?(exchange: never): Explanation
}

/**
 * An exchange of which nothing is sent and nothing is counted: `lb explain` runs the same stages over it, and reads from it
 * what they made of the request. Stages that have effects elsewhere are asked to `explain` instead.
 */
export class DryExchange extends Exchange {
  readonly notes: string[] = []
  /** Who would be asked who the client is. Written by `auth` only. */
  wouldAsk: string | undefined
  /** Written by the cache stage only. */
  cache: ExplainedCache | undefined
  readonly #explainCache: ExplainCache
  #forwarded = false

  constructor(
    request: Request,
    downstream: DownstreamStream,
    snapshot: L7Snapshot,
    context: EngineContext,
    explainCache: ExplainCache
  ) {
    super(request, downstream, snapshot, context)
    this.#explainCache = explainCache
  }

  override get dry(): boolean {
    return true
  }

  /** All stages passed the request on, so a backend would be asked. */
  get forwarded(): boolean {
    return this.#forwarded
  }

  override note(text: string): void {
    this.notes.push(text)
  }

  override send(): void {
    this.#forwarded = true
  }

  explainCache(request: CacheRequest): ExplainedCache {
    this.cache = this.#explainCache(this.route!.config, request)
    return this.cache
  }

  protected override askStage(hook: RequestHook): Verdict {
    // The list holds stages only, so an object with a request hook is a stage.
    const stage = hook as RequestHook & Explains
    if (stage.explain === undefined) return stage.request(this as never)
    const { verdict, notes = [] } = stage.explain(this as never)
    for (const note of notes) this.note(`${stage.name}: ${note}`)
    return verdict
  }

  /** Rethrows: the caller of a dry run wants to see the error. */
  protected override crash(error: unknown): void {
    throw error
  }
}
