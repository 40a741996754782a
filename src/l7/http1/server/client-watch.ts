import { judgeClient, laggards, Progress } from '../../exchange/client/progress.ts'
import type { Transport } from '../../../net/transport/transport.ts'
import type { ResponseWriter } from '../write/response-writer.ts'
import type { DownstreamHost } from './downstream-host.ts'
import { HalfClosed } from './half-closed.ts'

export const CUT_BODY = 'the connection ended within the body'
const GONE = 'closed its side, and the response stands still'

/** What is asked of the exchange of a client that is late. */
interface Awaited {
  readonly isStream: boolean
  readonly headSent: boolean
}

/** It is over, and the client has yet to take its response. */
export const SENT: Awaited = { isStream: false, headSent: true }

/** Whether a client goes on, with its body or with reading; gives the deadlines of its connection. */
export class ClientWatch {
  /** The client has sent FIN. */
  halfClosed: HalfClosed | undefined
  readonly #host: DownstreamHost
  readonly #transport: Transport
  readonly #writer: ResponseWriter
  /** Undefined until the client has been waited for. */
  #progress: Progress | undefined

  constructor(host: DownstreamHost, transport: Transport, writer: ResponseWriter) {
    this.#host = host
    this.#transport = transport
    this.#writer = writer
  }

  /** When nothing of the client's is waited for. */
  get restDeadline(): number {
    return this.halfClosed?.lookAt ?? Infinity
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

  /** The client is waited for from now on: for its body, or to read. */
  await(): number {
    this.#progress ??= new Progress()
    return this.#progress.await(this.#timeouts, this.#now, this.#total)
  }

  /** It has sent more. */
  went(): number {
    this.#progress ??= new Progress()
    return this.#progress.went(this.#timeouts, this.#now)
  }

  hold(): void {
    this.#progress?.hold(this.#now, this.#total)
  }

  /** Its body is not wanted for now. */
  pause(deadline: number): number {
    // What it is to read is waited for all the same.
    if (!this.#writer.flowing) return deadline
    this.hold()
    return Infinity
  }

  /** The client is to read before it is asked for more of its body. */
  blocked(before: boolean): number {
    if (before) this.#progress?.hold(this.#now, this.#transport.bytesIn)
    return this.await()
  }

  /** A deadline has passed: the next one, or why the client is given up. */
  overdue(exchange: Awaited, bodyComplete: boolean): number | string {
    const { flowing } = this.#writer
    // A client that has sent all it will is looked for, in case it is gone.
    if (flowing && bodyComplete) {
      if (this.halfClosed === undefined) return Infinity
      const next = this.halfClosed.look(this.#writer, exchange.headSent, this.#now, this.#transport.bytesOut)
      return next > 0 ? next : GONE
    }
    this.#progress ??= new Progress()
    const verdict = judgeClient(this.#progress, exchange, this.#timeouts, flowing, this.#now, this.#total)
    if (typeof verdict === 'number') return verdict
    return flowing ? laggards[verdict].body : laggards[verdict].response
  }

  /** What of the client's has gone on: bytes that it sent, or that the kernel took for it. */
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
