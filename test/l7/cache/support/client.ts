import type { RouteCache } from '../../../../src/config/model/model.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { seededRandom } from '../../../../src/core/random.ts'
import { statusForwarded } from '../../../../src/l7/cache/decide/cache-status.ts'
import type { Decision, Fetch, Hit } from '../../../../src/l7/cache/decide/decision.ts'
import { steadyNow } from '../../../../src/l7/cache/steady-now.ts'
import { HttpCache } from '../../../../src/l7/cache/http-cache.ts'
import type { CacheCounter, CacheRequest, CacheStore } from '../../../../src/l7/cache/ports.ts'
import { MapStore } from '../../../fakes/map-store.ts'
import type { FieldList } from './fields.ts'
import { fields } from './fields.ts'

export const routeCache: RouteCache = {
  store: 'main',
  heuristic: 0.1,
  negativeTtlMs: {},
  key: { ignoreQuery: [], sortQuery: false, headers: [], cookies: [] },
  coalesce: true,
  setCookie: 'shared',
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly fields?: FieldList
}

/** What the origin of a test answers; `break` closes the connection after that many bytes of body, or at once. */
export interface Answer {
  readonly status?: number
  readonly fields?: FieldList
  readonly body?: string
  readonly breakAfter?: number
  readonly refuse?: boolean
}

export interface Got {
  readonly status: number
  readonly body: string
  readonly from: 'cache' | 'origin' | 'nowhere'
  get(name: string): string | undefined
}

/** Requests that reached the origin. */
export interface Seen {
  readonly method: string
  get(name: string): string | undefined
}

/** An engine in miniature: asks the cache, then an origin that is a function, and moves the bytes between. */
export class Client {
  readonly clock = new FakeClock()
  readonly seen: Seen[] = []
  readonly counts = new Map<CacheCounter, number>()
  readonly store: CacheStore
  readonly cache: HttpCache
  origin: (request: Seen) => Answer = () => ({})

  constructor(config: Partial<RouteCache> = {}, store?: CacheStore) {
    this.store = store ?? new MapStore({ maxBytes: 1e6, maxObjectBytes: 1e5 })
    this.cache = new HttpCache({
      config: { ...routeCache, ...config },
      store: this.store,
      counters: { add: (name, n = 1) => void this.counts.set(name, (this.counts.get(name) ?? 0) + n) },
      clock: this.clock,
      random: seededRandom(1)
    })
  }

  get now(): number {
    return steadyNow(this.clock)
  }

  date(seconds = 0): string {
    return new Date(this.clock.wall() + seconds * 1000).toUTCString()
  }

  pause(seconds: number): void {
    this.clock.advance(seconds * 1000)
  }

  /** Asks while the origin answers `answer`. */
  ask(ask: Ask = {}, answer?: Answer): Got {
    if (answer !== undefined) this.origin = () => answer
    const request = this.request(ask)
    return this.#settle(request, ask.fields ?? [], this.cache.lookup(request, this.now))
  }

  request(ask: Ask): CacheRequest {
    const { method = 'GET', path = '/a', query = '' } = ask
    return { method, scheme: 'http', host: 'example.com', path, query, headers: fields(ask.fields ?? []) }
  }

  #settle(request: CacheRequest, list: FieldList, decision: Decision): Got {
    if (decision.kind === 'hit') return this.#hit(request, list, decision)
    if (decision.kind === 'fetch') return this.#fetch(request, list, decision)
    if (decision.kind === 'wait') throw new Error('this client does not wait')
    return { status: 504, body: '', from: 'cache', get: () => undefined }
  }

  #hit(request: CacheRequest, list: FieldList, hit: Hit): Got {
    if (hit.refresh !== undefined) this.#fetch(request, list, hit.refresh)
    return { status: hit.status, body: bodyOf(hit), from: 'cache', get: view(hit.fields).get }
  }

  #fetch(request: CacheRequest, list: FieldList, fetch: Fetch): Got {
    const sent = [...list.filter(([name]) => !fetch.remove.includes(name.toLowerCase())), ...fetch.add]
    const seen: Seen = { method: request.method, get: fields(sent).get }
    this.seen.push(seen)
    const answer = this.origin(seen)
    if (answer.refuse === true) {
      const hit = fetch.onError(this.now)
      if (hit !== undefined) return this.#hit(request, list, hit)
      return { status: 502, body: '', from: 'nowhere', get: () => undefined }
    }
    const { status = 200, fields: answerFields = [], body = 'body', breakAfter } = answer
    const headers = fields(answerFields)
    const result = fetch.onResponse({ status, headers }, body.length, this.now)
    if (result.kind === 'answer') return this.#hit(request, list, result.hit)
    if (result.kind === 'again') return this.#fetch(request, list, result.fetch)
    const head =
      result.combine === undefined ? '' : bodyOf({ body: undefined, reader: result.combine.reader })
    const { writer } = result
    if (writer !== undefined) {
      writer.write(Buffer.from(body.slice(0, breakAfter), 'latin1'))
      if (breakAfter === undefined) writer.finish()
      else writer.abort()
    }
    const own = statusForwarded(result.forwarded)
    const get = (name: string) => (name === 'cache-status' ? own : headers.get(name))
    return {
      status: result.combine?.status ?? status,
      body: head + body.slice(0, breakAfter),
      from: 'origin',
      get
    }
  }
}

export function bodyOf(hit: Pick<Hit, 'body' | 'reader'>): string {
  if (hit.reader === undefined) return hit.body?.toString('latin1') ?? ''
  let text = ''
  for (let piece = hit.reader.read(); piece !== undefined; piece = hit.reader.read())
    text += piece.toString('latin1')
  hit.reader.release()
  return text
}

function view(block: string) {
  const list = block
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])
  return fields(list)
}
