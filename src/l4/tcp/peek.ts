import type { Contained } from '../../core/containment.ts'
import type { Deadlines, Waits } from '../../core/deadlines.ts'
import { ClientHelloReader } from '../../net/tls/client-hello.ts'
import type { PostgresStart } from '../../net/tls/postgres-start.ts'
import type { Transport, TransportOwner } from '../../net/transport/transport.ts'
import type { HeldBytes } from './held-bytes.ts'

export interface PeekNext extends Contained {
  /**
   * The name in the ClientHello; undefined: it has none, the client speaks something else, says nothing, or has sent its FIN
   * (`ended`). The callee sets `transport.owner`.
   */
  onPeeked(serverName: string | undefined, ended: boolean): void
  /** Half a ClientHello, or TLS was asked for and does not follow. `gone`: the client left. */
  onPeekFailed(error: Error | undefined, gone: boolean): void
}

/**
 * Owns a client's connection until its ClientHello has come, and answers what a client of PostgreSQL asks before. What
 * the backend is to get stays in `held`.
 */
export class Peek implements TransportOwner, Waits {
  deadline: number
  readonly #transport: Transport
  readonly #held: HeldBytes
  readonly #postgres: PostgresStart
  readonly #deadlines: Deadlines
  readonly #next: PeekNext
  readonly #hello = new ClientHelloReader()
  /** It may still ask for TLS instead of beginning with it. */
  #mayAsk = true
  #over = false

  constructor(
    transport: Transport,
    held: HeldBytes,
    postgres: PostgresStart,
    deadlines: Deadlines,
    timeoutMs: number,
    next: PeekNext
  ) {
    this.#transport = transport
    this.#held = held
    this.#postgres = postgres
    this.#deadlines = deadlines
    this.#next = next
    this.deadline = deadlines.now + timeoutMs
    deadlines.add(this)
    transport.owner = this
  }

  /** Reads what is held already. May call `next` before it returns. */
  begin(): void {
    const early = this.#held.first()
    if (early !== undefined) this.#read(early, 0, early.length)
  }

  cancel(): void {
    this.#finish()
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#over) return
    this.#held.hold(buffer, start, end)
    this.#read(buffer, start, end)
  }

  onEnd(): void {
    if (this.#postgres.asked) this.#fail('the client asked for TLS and left')
    else this.#peeked(undefined, true)
  }

  onDrain(): void {}

  onClose(error: NodeJS.ErrnoException | undefined): void {
    if (this.#over) return
    this.#finish()
    this.#next.onPeekFailed(error, true)
  }

  onDeadline(): void {
    // A client that says nothing does not speak TLS; one that sends half a ClientHello holds connections open.
    if (this.#held.empty && !this.#postgres.asked) this.#peeked(undefined)
    else this.#fail('no whole ClientHello in time')
  }

  onInternalError(error: unknown): string | undefined {
    this.#finish()
    return this.#next.onInternalError?.(error)
  }

  #read(buffer: Buffer, start: number, end: number): void {
    if (this.#mayAsk) {
      const first = this.#held.first()![0] === 0 ? Buffer.concat(this.#held.take()) : undefined
      const answer = first && this.#postgres.answer(first)
      if (typeof answer === 'object') return void this.#transport.sendOwned(answer)
      if (first !== undefined) {
        this.#held.hold(first, 0, first.length)
        buffer = first
        start = 0
        end = first.length
      }
      if (answer === 'more') return
      this.#mayAsk = false
    }
    const result = this.#hello.push(buffer, start, end)
    if (result === 'more') return
    if (result !== 'not-tls') this.#peeked(result.serverName)
    else if (this.#postgres.asked) this.#fail('the client asked for TLS and sent something else')
    else this.#peeked(undefined)
  }

  #peeked(serverName: string | undefined, ended = false): void {
    if (this.#over) return
    this.#finish()
    this.#next.onPeeked(serverName, ended)
  }

  #fail(problem: string): void {
    if (this.#over) return
    this.#finish()
    this.#next.onPeekFailed(new Error(problem), false)
  }

  #finish(): void {
    this.#over = true
    this.#deadlines.remove(this)
  }
}
