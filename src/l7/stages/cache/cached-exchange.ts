import { steadyNow } from '../../cache/steady-now.ts'
import type { Combine, Decision, Fetch, FetchResult, Hit } from '../../cache/decide/decision.ts'
import { type ForwardFacts, statusForwarded, statusUnanswered } from '../../cache/decide/cache-status.ts'
import type { RecordWriter } from '../../cache/ports.ts'
import { BackgroundRequest } from '../../forward/background-request.ts'
import { NO_BODY } from '../../message/body-length.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import type { Response } from '../../message/response.ts'
import { ResponseHead } from '../../exchange/response/response-head.ts'
import type { ResponseTap } from '../../exchange/response/response-tap.ts'
import { HeaderBlock } from '../../message/header-block.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { streamBody } from './stream-body.ts'
import { ANSWERED, GO_ON, WAITS, type Verdict } from '../verdict.ts'

/** How long a request waits for fetches of others at most; never longer than its own timeout. */
const MAX_WAIT_MS = 30_000

/** How often the fetch of a slow client is checked for new followers. */
const NOTICE_MS = 50

/** An exchange of a route with a cache: answered from it, or forwarded while the cache stores the response. */
export class CachedExchange implements ResponseTap {
  readonly #exchange: Exchange
  #fetch: Fetch | undefined
  #writer: RecordWriter | undefined
  /** What the response's Cache-Status said. */
  #forwarded: ForwardFacts | undefined
  #orphan = false
  #stopWatch: (() => void) | undefined

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  act(decision: Decision): Verdict {
    const exchange = this.#exchange
    switch (decision.kind) {
      case 'hit':
        if (decision.refresh !== undefined) this.#refresh(decision.refresh)
        this.#serve(decision)
        return ANSWERED
      case 'fetch':
        this.#fetch = decision
        exchange.tap = this
        exchange.alterOutgoing((outgoing) => changed(outgoing, decision))
        return GO_ON
      case 'wait':
        return this.#follow(decision)
      case 'gateway-timeout':
        exchange.cacheStatus = decision.cacheStatus
        exchange.fail('LB_ONLY_IF_CACHED', 'only-if-cached, and nothing usable is stored')
        return ANSWERED
    }
  }

  /** Waits for the fetch of another request; the cache itself says when that has lasted too long. */
  #follow(decision: Extract<Decision, { kind: 'wait' }>): Verdict {
    const exchange = this.#exchange
    const patienceMs = Math.min(MAX_WAIT_MS, exchange.target!.responseMs || MAX_WAIT_MS)
    const wait = exchange.wait(2 * patienceMs, () => {
      exchange.cacheStatus = statusUnanswered('waited-too-long')
      exchange.fail('LB_RESPONSE_TIMEOUT', 'the fetch of another request did not end')
      return ANSWERED
    })
    wait.onCancel = decision.wait(patienceMs, (next) => wait.resume(() => this.act(next)))
    return WAITS
  }

  // Called by the response (ResponseTap).

  onResponse(head: Response): boolean {
    const fetch = this.#fetch!
    this.#fetch = undefined
    const bytes = head.bodyLength >= 0 ? head.bodyLength : undefined
    const result = this.#decided(fetch, head, bytes)
    const exchange = this.#exchange
    if (result.kind !== 'pass') {
      exchange.forward?.discard(head)
      exchange.forward = undefined
    }
    if (result.kind === 'answer') {
      exchange.tap = undefined
      this.#serve(result.hit)
      return true
    }
    if (result.kind === 'again') {
      this.#fetch = result.fetch
      exchange.send(changed(exchange.outgoing, result.fetch))
      return true
    }
    this.#writer = result.writer
    this.#forwarded = result.forwarded
    exchange.cacheStatus = statusForwarded(result.forwarded)
    if (result.combine !== undefined) return this.#combine(result.combine)
    return result.whenRemoved !== undefined && this.#delays(head, result.whenRemoved)
  }

  /** RFC 9111 §4.4: whoever has got the answer to a change finds nothing older, whichever instance is asked next. */
  #delays(head: Response, whenRemoved: (known: () => void) => boolean): boolean {
    let go: (() => void) | undefined
    if (!whenRemoved(() => go?.())) return false
    this.#exchange.delay(head, (known) => {
      go = known
    })
    return true
  }

  /** Whatever happens here, requests that wait for the fetch must be released. */
  #decided(fetch: Fetch, head: Response, bytes: number | undefined): FetchResult {
    try {
      return fetch.onResponse(head, bytes, steadyNow(this.#exchange.context.clock))
    } catch (error) {
      fetch.abandon()
      throw error
    }
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    if (this.#writer?.write(buffer.subarray(start, end)) === false) this.#noteLost()
    if (this.#orphan && this.#writer === undefined) this.#exchange.forward?.cancel()
  }

  onEnd(): void {
    this.#stopWatch?.()
    if (this.#writer?.finish() === false) this.#noteLost()
    this.#writer = undefined
  }

  /** Followers read shared memory without notice, so a slow client would hold up all later ones. */
  onPaused(): void {
    this.#stopWatch?.()
    this.#stopWatch = undefined
    if (this.#writer === undefined) return
    this.#stopWatch = this.#exchange.context.clock.after(NOTICE_MS, () => {
      if (this.wanted) this.#exchange.forward?.resume()
      this.onPaused()
    })
  }

  onError(): boolean {
    const fetch = this.#fetch
    this.#fetch = undefined
    const hit = fetch?.onError(steadyNow(this.#exchange.context.clock))
    if (hit === undefined) {
      if (fetch !== undefined) this.#exchange.cacheStatus = fetch.cacheStatus
      return false
    }
    this.#exchange.tap = undefined
    this.#serve(hit)
    return true
  }

  abort(): void {
    this.#stopWatch?.()
    this.#fetch?.abandon()
    this.#fetch = undefined
    this.#writer?.abort()
    this.#noteLost()
  }

  /** The head said `stored`; what the log says is what became of it. */
  #noteLost(): void {
    const failure = this.#writer?.failure
    this.#writer = undefined
    if (failure === undefined) return
    this.#exchange.cacheStatus = statusForwarded({ ...this.#forwarded!, stored: false, detail: failure })
  }

  get wanted(): boolean {
    return this.#writer !== undefined && this.#writer.followers > 0
  }

  orphan(): void {
    this.#orphan = true
    // From now on the fetch ignores the client's pace.
    this.#exchange.forward?.resume()
  }

  #serve(hit: Hit): void {
    const exchange = this.#exchange
    exchange.cacheStatus = hit.cacheStatus
    const length = hit.bytes ?? (hit.reader === undefined ? NO_BODY : UNKNOWN_LENGTH)
    const head = new ResponseHead(hit.status, hit.reason, new HeaderBlock(hit.fields), length, 'cache')
    head.whole = hit.body
    head.stored = hit.forms
    const sent = exchange.respond(head)
    const { form } = head
    if (!sent) {
      form?.release()
      return hit.reader?.release()
    }
    if (head.body !== undefined || form !== undefined) hit.reader?.release()
    if (form !== undefined) streamBody(exchange, form, exchange.target!.idleMs, undefined)
    else if (head.body !== undefined || !this.#sendStored(hit)) exchange.sendEnd('')
  }

  /** True: its body is being sent. */
  #sendStored(hit: Hit): boolean {
    const exchange = this.#exchange
    if (hit.reader !== undefined) {
      streamBody(exchange, hit.reader, exchange.target!.idleMs, hit.stalled)
      return true
    }
    if (hit.body !== undefined && exchange.request.method !== 'HEAD') {
      if (hit.text === undefined) exchange.sendOwned(hit.body)
      else exchange.sendText(hit.text)
    }
    return false
  }

  /** Sends the stored beginning, then the bytes from the backend, which is paused meanwhile. */
  #combine(combine: Combine): boolean {
    const exchange = this.#exchange
    const headers = new HeaderBlock(combine.fields)
    const going = exchange.respond(new ResponseHead(combine.status, '', headers, combine.bytes, 'cache'))
    for (let piece = combine.reader.read(); piece !== undefined; piece = combine.reader.read()) {
      if (going) exchange.sendOwned(piece)
    }
    combine.reader.release()
    return true
  }

  #refresh(refresh: Fetch): void {
    const { clock } = this.#exchange.context
    let writer: RecordWriter | undefined
    BackgroundRequest.send(this.#exchange.target!, asGet(changed(this.#exchange.outgoing, refresh)), {
      onResponse(head) {
        const bytes = head.bodyLength >= 0 ? head.bodyLength : undefined
        const result = refresh.onResponse(head, bytes, steadyNow(clock))
        if (result.kind === 'pass') writer = result.writer
        else if (result.kind === 'answer') result.hit.reader?.release()
        else result.fetch.abandon()
      },
      onBody(buffer, start, end) {
        if (writer?.write(buffer.subarray(start, end)) === false) writer = undefined
      },
      onEnd() {
        writer?.finish()
      },
      onFailed() {
        if (writer !== undefined) writer.abort()
        else refresh.onError(steadyNow(clock))?.reader?.release()
      }
    })
  }
}

/** A GET renews what a HEAD was answered from: the answer to another HEAD would be stored without a body. */
function asGet(outgoing: Outgoing): Outgoing {
  return outgoing.method === 'HEAD' ? { ...outgoing, method: 'GET' } : outgoing
}

/** The request with the changes that the cache needs: validators, ranges. */
function changed(outgoing: Outgoing, fetch: Fetch): Outgoing {
  if (fetch.remove.length === 0 && fetch.add.length === 0) return outgoing
  const headers = new HeaderBlock(outgoing.headers.text)
  for (const name of fetch.remove) headers.remove(name.toLowerCase())
  for (const [name, value] of fetch.add) headers.append(name, value)
  return { ...outgoing, headers }
}
