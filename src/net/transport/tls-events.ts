import { systemClock } from '../../core/clock.ts'
import type { TlsHandle } from '../tls/raw-tls.ts'
import { refusalAlert } from '../tls/server/refusal-alert.ts'
import { rawStreams, type RawHandle, type RawRequest } from './raw-streams.ts'

/** The events of a TLS connection from C++. */
export interface TlsEvents {
  /** Decrypted bytes are in the shared buffer, or none will come any more. */
  readDone(): void
  shaken(): void
  shutDone(status: number): void
  destroy(error: Error): void
  /** One of the methods, or code that it called, threw: the connection ends. */
  failed(error: unknown): void
}

/** Connects `events` to the handles. One function for all connections instead of closures for each. */
export function tellEvents(tcp: RawHandle, tls: TlsHandle, events: TlsEvents): void {
  tcp.lbOwner = undefined
  tcp.onread = onRest
  tls.lbOwner = events
  tls.lbTcp = tcp
  tls.onread = onRead
  tls.onhandshakedone = onHandshakeDone
  tls.onerror = onError
}

/** Sends close_notify and FIN. */
export function shutDown(tls: TlsHandle, events: TlsEvents): number {
  const request = rawStreams!.newShutdown()
  request.lbOwner = events
  request.oncomplete = onShutdown
  return tls.shutdown(request)
}

/** Events of the TCP handle after TLS is gone. */
function onRest(): void {}

function onRead(this: RawHandle): void {
  const events = this.lbOwner as TlsEvents
  try {
    events.readDone()
  } catch (error) {
    events.failed(error)
  }
}

/** An exception in OpenSSL's callbacks would end the process; so it ends the connection. */
function onHandshakeDone(this: TlsHandle): void {
  const events = this.lbOwner as TlsEvents
  try {
    events.shaken()
  } catch (error) {
    events.failed(error)
  }
}

function onError(this: TlsHandle, error: NodeJS.ErrnoException): void {
  const events = this.lbOwner as TlsEvents
  const missing = error.code?.includes('PEER_DID_NOT_RETURN_A_CERTIFICATE') === true
  if (!missing || events instanceof Alerted) return events.destroy(error)
  this.lbOwner = new Alerted(events, error, this.lbTcp!)
}

/** Ends a connection whose handshake is done, since the client's certificate is not accepted. */
export function refuseClient(tcp: RawHandle, tls: TlsHandle, error: NodeJS.ErrnoException): void {
  const events = tls.lbOwner as TlsEvents
  const alert = refusalAlert(tls, error, tls.lbSecret)
  if (alert === undefined) return events.destroy(error)
  const write = rawStreams!.newWrite()
  write.lbBytes = alert
  write.oncomplete = () => {}
  if (tcp.writeBuffer(write, alert) !== 0) return events.destroy(error)
  tls.lbOwner = new Alerted(events, error, tcp)
}

/** How long, and for how many reads of 16 to 64 KiB, a client may go on to send. */
const LINGER_MS = 1_000
const LINGER_READS = 32

/**
 * A client of TLS 1.3 has sent its first request before it hears that its certificate is missing or not accepted. Closing a socket with
 * unread bytes sends a reset, which takes the alert away from the client: so it is read for a moment.
 */
class Alerted implements TlsEvents {
  readonly #events: TlsEvents
  readonly #error: Error
  #reads = 0

  constructor(events: TlsEvents, error: Error, tcp: RawHandle) {
    this.#events = events
    this.#error = error
    const fin = rawStreams!.newShutdown()
    fin.oncomplete = () => {}
    if (tcp.shutdown(fin) !== 0) this.#end()
    else systemClock.after(LINGER_MS, () => this.#end())
  }

  readDone(): void {
    if (rawStreams!.readResult() < 0 || ++this.#reads >= LINGER_READS) this.#end()
  }

  shaken(): void {}
  shutDone(): void {}

  /** OpenSSL refuses what the client sends, and keeps it. */
  destroy(): void {
    if (++this.#reads >= LINGER_READS) this.#end()
  }

  failed(error: unknown): void {
    this.#events.failed(error)
  }

  #end(): void {
    this.#events.destroy(this.#error)
  }
}

function onShutdown(this: RawRequest, status: number): void {
  const events = this.lbOwner as TlsEvents
  try {
    events.shutDone(status)
  } catch (error) {
    events.failed(error)
  }
}
