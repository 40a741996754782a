import { LINGER_MOST_MS, LINGER_MS } from '../../exchange/client/patience.ts'
import { judgeClient, laggards, Progress } from '../../exchange/client/progress.ts'
import type { Transport } from '../../../net/transport/transport.ts'
import type { ParseFailure } from '../parse/parse-failure.ts'
import type { ResponseWriter } from '../write/message-writer.ts'
import type { DownstreamHost } from './downstream-host.ts'
import { HalfClosed } from './half-closed.ts'

export const CUT_BODY = 'the connection ended within the body'
export const NO_HEAD: ParseFailure = { code: 'LB_REQUEST_TIMEOUT', reason: 'no complete head in time' }
const GONE = 'closed its side, and the response makes no progress'

/** The facts about an exchange that decide how long its client may take. */
interface Awaited {
  readonly isStream: boolean
  readonly headSent: boolean
}

/** The exchange is over, and the client has yet to read its response. */
export const SENT: Awaited = { isStream: false, headSent: true }

/**
 * Watches whether a client makes progress, with sending its body or with reading; computes the deadlines of its
 * connection.
 */
export class ClientWatch {
  /** The client has sent FIN. */
  halfClosed: HalfClosed | undefined
  /** Until when the rest of a request may come that has been answered without "Connection: close"; 0: there is none. */
  restUntil = 0
  /** It was too slow with its body: what it still sends gets it no more time. */
  gaveUp = false
  readonly #host: DownstreamHost
  readonly #transport: Transport
  readonly #writer: ResponseWriter
  /** Undefined until lb first waits for the client. */
  #progress: Progress | undefined

  constructor(host: DownstreamHost, transport: Transport, writer: ResponseWriter) {
    this.#host = host
    this.#transport = transport
    this.#writer = writer
  }

  ended(): void {
    this.halfClosed = new HalfClosed(this.#now)
  }

  bodyBegins(): number {
    this.#progress ??= new Progress()
    this.#progress.bodyBegins(this.#timeouts, this.#now)
    return this.await()
  }

  bodyEnded(): void {
    this.#progress?.bodyEnded()
  }

  /** Returns the deadline for the first of the rest. */
  restBegins(): number {
    this.restUntil = this.#now + (this.#host.context.draining ? LINGER_MS : LINGER_MOST_MS)
    return this.restCame()
  }

  /** Some of it has come: returns the deadline for more. */
  restCame(): number {
    return Math.min(this.#now + LINGER_MS, this.restUntil)
  }

  restEnds(): void {
    this.restUntil = 0
  }

  /** From now on lb waits for the client: for its body, or for it to read. */
  await(): number {
    this.#progress ??= new Progress()
    return this.#progress.await(this.#timeouts, this.#now, this.#total)
  }

  /** The client has sent more. */
  went(): number {
    this.#progress ??= new Progress()
    return this.#progress.went(this.#timeouts, this.#now)
  }

  hold(): void {
    this.#progress?.hold(this.#now, this.#total)
  }

  /** Its body is not read for now. */
  pause(deadline: number): number {
    // It still has to read the response in time.
    if (!this.#writer.flowing) return deadline
    this.hold()
    return Infinity
  }

  /** The client must read the response before more of its body is read. */
  blocked(before: boolean): number {
    if (before) this.#progress?.hold(this.#now, this.#transport.bytesIn)
    return this.await()
  }

  /** A deadline has passed: returns the next one, or the reason for closing the connection. */
  overdue(exchange: Awaited, bodyComplete: boolean): number | string {
    const { flowing } = this.#writer
    // A client that has sent everything may have gone: check.
    if (flowing && bodyComplete) {
      if (this.halfClosed === undefined) return Infinity
      const next = this.halfClosed.look(this.#writer, exchange.headSent, this.#now, this.#transport.bytesOut)
      return next > 0 ? next : GONE
    }
    this.#progress ??= new Progress()
    const verdict = judgeClient(this.#progress, exchange, this.#timeouts, flowing, this.#now, this.#total)
    if (typeof verdict === 'number') return verdict
    this.gaveUp = flowing
    return flowing ? laggards[verdict].body : laggards[verdict].response
  }

  /** The client's progress: bytes that it sent, and bytes that its kernel accepted. */
  get #total(): number {
    const transport = this.#transport
    return this.#writer.flowing ? transport.bytesIn : transport.bytesOut - transport.pending
  }

  get #now(): number {
    return this.#host.context.deadlines.now
  }

  get #timeouts() {
    return this.#host.snapshot.config.timeouts
  }
}
