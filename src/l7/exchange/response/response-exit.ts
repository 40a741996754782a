import { performance } from 'node:perf_hooks'
import { contain } from '../../../core/containment.ts'
import { BodyChain, type ChainOwner } from '../body-chain.ts'
import { NO_BODY, UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { isEventStream } from '../../message/event-stream.ts'
import type { ResponseHead } from './response-head.ts'
import { StageRun } from '../stage-run.ts'

/**
 * The one way out: every response, whoever made it, passes the `response` hooks and transforms of its stages here. Sources
 * (a backend, the cache, an answer of ours) call `respond`, then `sendBody`, `flush` and `sendEnd`.
 */
export abstract class ResponseExit extends StageRun implements ChainOwner {
  #head: ResponseHead | undefined
  #headSent = false
  /** A head that waits for its body. */
  #held: ResponseHead | undefined
  #ended = false
  #chain: BodyChain | undefined
  #chainFull = false
  /** A stage has replaced the body: the bytes of the source are dropped. */
  #replaced = false
  /** A fault came out of a hook that edits the response. */
  protected editsFail = false
  #onGone: (() => void)[] | undefined
  #onDrained: (() => void)[] | undefined

  /** The source may go on. */
  protected abstract sourceReady(): void
  /** The response has been sent whole. */
  protected abstract whole(): void

  override get ended(): boolean {
    return this.#ended
  }

  get headSent(): boolean {
    return this.#headSent
  }

  /** Its request or response is a stream of events, which may be slow. */
  get isStream(): boolean {
    const head = this.#head
    return isEventStream(this.request.headers) || (head !== undefined && isEventStream(head.headers))
  }

  /** Called once, when the exchange ends before its response is whole. */
  onGone(listener: () => void): void {
    ;(this.#onGone ??= []).push(listener)
  }

  /** Called once, when the client takes more after `flush` returned false. */
  onDrained(listener: () => void): void {
    ;(this.#onDrained ??= []).push(listener)
  }

  /** Sends the head; false when a stage's fault has ended the exchange instead. */
  respond(head: ResponseHead): boolean {
    if (this.#ended || (this.request.upgrade !== '' && this.#opensFalsely(head))) return false
    try {
      this.#passHooks(head)
    } catch (error) {
      this.editsFail = true
      this.crash(error)
      return false
    }
    this.#headSent = true
    this.#head = head
    this.status = head.status
    if (head.held) this.#held = head
    else this.#sendHead(head)
    const { body } = head
    if (body !== undefined) {
      if (this.#hasBody(head)) {
        if (head.bodyText === undefined) this.sendOwned(body)
        else this.sendText(head.bodyText)
      }
      this.#replaced = true
    }
    return true
  }

  /**
   * RFC 8441 §5: over HTTP/2 a 2xx tells the client that its tunnel is open, and the body would be taken for bytes of it.
   * An answer that switches no protocol is an error there.
   */
  #opensFalsely({ status, source }: ResponseHead): boolean {
    if (status >= 300 || this.request.version !== '2.0') return false
    if (source === 'backend') this.fail('LB_UPSTREAM_PROTOCOL', `status ${status} instead of 101: no tunnel`)
    else this.fail('LB_NOT_IMPLEMENTED', `status ${status} of lb's own: no tunnel`)
    return true
  }

  #sendHead({ status, reason, headers, length }: ResponseHead): void {
    this.downstream.sendHead(status, reason, headers.text, length, this.request.acceptsTrailers)
  }

  #passHooks(head: ResponseHead): void {
    if (this.responseLines !== '') head.headers.appendLines(this.responseLines, this.responseLineBits)
    const { response, body } = this.stages
    head.asItIs = body.length === 0
    for (let i = 0; i < response.length; i++) response[i]!.response(this.self, head as never)
    if (body.length === 0 || !this.#hasBody(head)) return
    const chain = new BodyChain(this)
    for (const stage of body) {
      const link = chain.link()
      const transform = stage.body(this.self, head as never, link)
      if (transform !== undefined) chain.put(link, transform, head.held ? UNKNOWN_LENGTH : head.length)
    }
    if (chain.length > 0) this.#chain = chain
    // What another transform makes of the body may have another length.
    if (chain.length > 1) head.held = false
  }

  #hasBody(head: ResponseHead): boolean {
    return head.length !== NO_BODY && head.length !== 0 && this.request.method !== 'HEAD'
  }

  /** The head of a 101: what follows is no body. False: a stage's fault has ended the exchange instead. */
  protected switchProtocols(head: ResponseHead): boolean {
    try {
      for (const stage of this.stages.response) stage.response(this.self, head as never)
    } catch (error) {
      this.editsFail = true
      this.crash(error)
    }
    if (this.#ended) return false
    this.#headSent = true
    this.status = head.status
    return true
  }

  /** Part of the body; valid during the call. */
  sendBody(buffer: Buffer, start: number, end: number): void {
    if (this.#ended || this.#replaced) return
    if (this.#chain !== undefined) return this.#feed(buffer, start, end)
    this.bytesOut += end - start
    this.downstream.sendBody(buffer, start, end)
  }

  /** Bytes of ours, which stay untouched. */
  sendOwned(bytes: Buffer): void {
    if (this.#ended || this.#replaced) return
    if (this.#chain !== undefined) return this.#feed(bytes, 0, bytes.length)
    this.sendBytes(bytes)
  }

  /** A latin1 string: the cheapest way for small bodies. */
  sendText(text: string): void {
    if (this.#ended || this.#replaced) return
    if (this.#chain !== undefined) return this.#feed(Buffer.from(text, 'latin1'), 0, text.length)
    this.bytesOut += text.length
    this.downstream.sendText(text)
  }

  /** Writes what was gathered. False: the source stops until it is told (`sourceReady`, `onDrained`). */
  flush(): boolean {
    if (this.#chain !== undefined && !this.#ended) this.#flushChain()
    return this.downstream.flush() && !this.#chainFull
  }

  sendEnd(trailers: string): void {
    if (this.#ended) return
    if (this.#chain !== undefined) this.#endChain(trailers)
    else this.endBody(trailers)
  }

  // Functions of their own: what a closure captures is allocated by every call, also by those that make no closure.

  #flushChain(): void {
    this.guarded(() => this.#chain?.flush())
  }

  #endChain(trailers: string): void {
    this.guarded(() => this.#chain?.end(trailers))
  }

  #feed(buffer: Buffer, start: number, end: number): void {
    this.guarded(() => {
      if (!this.#chain!.write(buffer, start, end)) this.#chainFull = true
    })
  }

  // ChainOwner.

  sendBytes(bytes: Buffer): void {
    if (this.#held !== undefined) this.beginBody()
    this.bytesOut += bytes.length
    this.downstream.sendOwned(bytes)
  }

  sendWhole(bytes: Buffer): boolean {
    const head = this.#held
    if (head !== undefined) {
      head.length = bytes.length
      this.beginBody()
    }
    this.bytesOut += bytes.length
    const { downstream } = this
    if (downstream.sendLent !== undefined) return downstream.sendLent(bytes)
    downstream.sendBody(bytes, 0, bytes.length)
    return true
  }

  /** Sends the head that was held for its body, if one was. */
  beginBody(): void {
    const head = this.#held
    this.#held = undefined
    if (head !== undefined) this.#sendHead(head)
  }

  flushBytes(): boolean {
    return this.downstream.flush()
  }

  endBody(trailers: string): void {
    this.#onGone = undefined
    if (this.#held !== undefined) this.beginBody()
    // It may read on, to the next request, which is no matter of this one.
    try {
      this.downstream.sendEnd(trailers)
    } catch (error) {
      contain(error, this.downstream)
    }
    this.whole()
  }

  failBody(error: unknown): void {
    this.crash(error)
  }

  onChainReady(): void {
    this.#chainFull = false
    this.#resumeSource()
  }

  /** The client takes more. */
  protected drainBody(): void {
    this.guarded(() => this.#chain?.onDrain())
    if (!this.#chainFull) this.#resumeSource()
  }

  #resumeSource(): void {
    this.sourceReady()
    const listeners = this.#onDrained
    this.#onDrained = undefined
    if (listeners !== undefined) for (const listener of listeners) this.guarded(listener)
  }

  /** Stops whoever makes the body. */
  protected stopBody(): void {
    this.#chain?.abort()
    const listeners = this.#onGone
    this.#onGone = undefined
    if (listeners !== undefined) for (const listener of listeners) listener()
  }

  /** The end of the exchange: tells its stages. */
  protected close(): void {
    if (this.#ended) return
    this.#ended = true
    const durationMs = performance.now() - this.startedAt
    this.#count(durationMs)
    const { done } = this.stages
    for (let i = 0; i < done.length; i++) {
      try {
        done[i]!.done(this.self, durationMs)
      } catch (error) {
        this.#containEnd(error)
      }
    }
  }

  /** All responses are in the sum over the routes, and what no route took. */
  #count(durationMs: number): void {
    const { route, status, target, errorCode } = this
    const { counts } = this.context
    // With a route the request was counted when that was found.
    if (route === undefined) counts.unrouted.requests.add()
    if (status !== 0) (route ?? counts.unrouted).responses[Math.floor(status / 100) - 1]?.add()
    target?.seconds.observe(durationMs / 1e3)
    if (errorCode !== undefined) counts.error(errorCode)
  }

  #containEnd(error: unknown): void {
    contain(error, { onInternalError: () => this.snapshot.config.name })
  }
}
