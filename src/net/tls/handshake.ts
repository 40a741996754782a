import { guarded } from '../../core/containment.ts'
import type { Waits } from '../../core/deadlines.ts'
import type { Transport, TransportOwner } from '../transport/transport.ts'
import { ClientHelloReader, spokenInstead, type ClientHello } from './client-hello.ts'
import {
  failureReason,
  handshakeFailed,
  NO_TLS,
  type FailureReason,
  type HandshakeFailed
} from './server/handshake-failure.ts'
import type { PostgresStart } from './postgres-start.ts'
import type { TlsThread } from './tls-thread.ts'

/** Called with the connection under TLS, whose owner must be set at once, or with why the handshake failed. */
export type Secured = (transport: Transport | undefined, failed: HandshakeFailed | undefined) => void

/** Receives the result of a handshake. */
export interface Shaking extends TransportOwner {
  secured(transport: Transport): void
}

/** A listener's TLS, applied to a connection whose first bytes have come. */
export interface Tls {
  /** The certificate depends on the ClientHello. */
  readonly asksHello: boolean
  /**
   * Puts TLS on a connection of which `first` has been read; `secured` or `onClose` follows. Returns what to close in
   * order to cancel.
   */
  put(clear: Transport, first: Buffer, hello: ClientHello | undefined, shaking: Shaking): Transport
}

/** RFC 8446 §5.1: the type of a record that carries a handshake. */
const HANDSHAKE_RECORD = 22
/** An HTTP method and a space, or PRI of HTTP/2. */
const HTTP = /^[A-Z]{3,20} /

/**
 * Owns a client's connection until TLS is established. OpenSSL is not used before the client has sent something: a
 * client that only connects costs none of its memory (43 KB), bytes that are not TLS are recognised at once, and the
 * expensive part is scheduled (`Turns`).
 */
export class Handshake implements Shaking, Waits {
  deadline: number
  /** Place in the listener's roster. Written by the roster only. */
  place = -1
  readonly #thread: TlsThread
  readonly #tls: Tls
  readonly #done: Secured
  readonly #postgres: PostgresStart | undefined
  #transport!: Transport
  /** Reads on until the ClientHello is complete. */
  #reader: ClientHelloReader | undefined
  #hello: ClientHello | undefined
  #first: Buffer | undefined
  #whole = false
  #over = false

  /** `postgres`: its clients may ask for TLS first. */
  constructor(thread: TlsThread, timeoutMs: number, tls: Tls, done: Secured, postgres?: PostgresStart) {
    this.#thread = thread
    this.#tls = tls
    if (tls.asksHello || postgres !== undefined) this.#reader = new ClientHelloReader()
    this.#done = done
    this.#postgres = postgres
    this.deadline = thread.deadlines.now + timeoutMs
    thread.deadlines.add(this)
  }

  /** `rest` has been read from `transport` already (after a PROXY header). */
  begin(transport: Transport, rest: Buffer | undefined): void {
    this.#transport = transport
    // Kept by the transport from now on: the log names the peer of a handshake that has failed, when nobody can be asked any more.
    void transport.remote
    if (rest !== undefined && rest.length > 0) this.onData(rest, 0, rest.length)
  }

  /** Ends it without a callback. */
  cancel(): void {
    if (this.#over) return
    this.#finish()
    this.#transport.reset()
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#over || this.#whole || start === end) return
    const before = this.#first
    const bytes = buffer.subarray(start, end)
    this.#first = before === undefined ? Buffer.from(bytes) : Buffer.concat([before, bytes])
    if (this.#first[0] !== HANDSHAKE_RECORD) return this.#answerOrRefuse(this.#first)
    // When there is no complete ClientHello in 16 KiB, or something else, OpenSSL refuses it with the right alert.
    const read = this.#reader?.push(buffer, start, end)
    if (read === 'more') return
    if (read !== 'not-tls') this.#hello = read
    this.#whole = true
    const { turns } = this.#thread
    // Only what has to wait is paused: to stop reading and start again costs two system calls.
    if (!turns.free) this.#transport.pause()
    turns.run(() => guarded(() => this.#shake(), this))
  }

  onEnd(): void {
    // Closed by the client before TLS is established.
    this.#fail('client-gone', new Error('the client left in the handshake'))
  }

  onDrain(): void {}

  onConnect(): void {
    this.secured(this.#transport)
  }

  secured(transport: Transport): void {
    if (this.#over) return transport.destroy()
    this.#finish()
    this.#done(transport, undefined)
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    const why = error ?? new Error('the client left in the handshake')
    this.#fail(error === undefined ? 'client-gone' : failureReason(error), why)
  }

  onDeadline(): void {
    this.#fail('timeout', new Error('no handshake in time'))
  }

  onInternalError(error: unknown): undefined {
    if (!this.#over) this.#fail('internal', error as Error)
    this.#transport.reset()
  }

  #shake(): void {
    if (this.#over) return
    this.#transport = this.#tls.put(this.#transport, this.#first!, this.#hello, this)
  }

  #answerOrRefuse(first: Buffer): void {
    const answer = this.#postgres?.answer(first)
    if (answer === undefined) return this.#notTls(first)
    if (answer === 'more') return
    this.#first = undefined
    this.#transport.sendOwned(answer)
  }

  #notTls(first: Buffer): void {
    if (!HTTP.test(first.toString('latin1', 0, 24)))
      return this.#fail('not-tls', new Error(spokenInstead(first) ?? NO_TLS))
    this.#finish()
    const error = new Error('HTTP in clear text')
    this.#done(undefined, handshakeFailed('http', error, this.#transport, undefined))
  }

  #fail(reason: FailureReason, error: Error): void {
    if (this.#over) return
    this.#finish()
    // A reset could take the alert with the reason away from the client.
    this.#transport.destroy()
    this.#done(undefined, handshakeFailed(reason, error, this.#transport, this.#first))
  }

  #finish(): void {
    this.#over = true
    this.#thread.deadlines.remove(this)
  }
}
