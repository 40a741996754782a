import type { HttpCache } from '../../cache/http-cache.ts'
import type { CacheRequest } from '../../cache/ports.ts'
import { steadyNow } from '../../cache/steady-now.ts'
import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { dropConnectionNamed } from '../../headers/hop-by-hop.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'
import { cacheRequest, keyedAuthority } from './cache-request.ts'
import { SentFields } from './sent-fields.ts'
import { CachedExchange } from './cached-exchange.ts'

/** Answers from the route's cache, or stores what a backend answers. */
class Cache implements Stage {
  readonly name = 'cache'
  readonly #cache: HttpCache
  readonly #rewritten: boolean

  constructor(cache: HttpCache, rewritten: boolean) {
    this.#cache = cache
    this.#rewritten = rewritten
  }

  request(exchange: Exchange): Verdict {
    const asked = this.#asked(exchange)
    if (asked === undefined) return GO_ON
    return new CachedExchange(exchange).act(this.#cache.lookup(asked, steadyNow(exchange.context.clock)))
  }

  explain(exchange: DryExchange): Explanation {
    const asked = this.#asked(exchange)
    if (asked === undefined) return { verdict: GO_ON }
    return { verdict: exchange.explainCache(asked).outcome === 'hit' ? ANSWERED : GO_ON }
  }

  #asked(exchange: Exchange): CacheRequest | undefined {
    const { request } = exchange
    exchange.authority = keyedAuthority(exchange, exchange.authority, exchange.trusted)
    if (request.upgrade !== '') return undefined
    // Fields that upstream does not see must not influence what is stored, nor select a variant.
    if (request.connectionNames !== '') dropConnectionNamed(request.headers, request.connectionNames)
    // A rewritten path is made from the normalised one; any other path goes upstream as the client wrote it, so that
    // form is in the key. So is an empty query: some servers distinguish it from none.
    const rawPath =
      (this.#rewritten ? exchange.path : exchange.forwardPath) + (exchange.query === '' ? '?' : '')
    return cacheRequest(
      exchange,
      exchange.forwardAuthority,
      exchange.trusted,
      rawPath,
      new SentFields(exchange)
    )
  }

  response(exchange: Exchange, head: ResponseHead): void {
    // A stored response has its own.
    if (exchange.cacheStatus === '' || head.source === 'cache') return
    head.headers.append('Cache-Status', exchange.cacheStatus)
  }
}

export function compile(_keys: undefined, { cache, route }: StageContext): Stage | undefined {
  return cache === undefined ? undefined : new Cache(cache, route?.rewrite !== undefined)
}
