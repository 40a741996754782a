import type { TlsHandle } from '../tls/raw-tls.ts'
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

function onError(this: TlsHandle, error: Error): void {
  ;(this.lbOwner as TlsEvents).destroy(error)
}

function onShutdown(this: RawRequest, status: number): void {
  const events = this.lbOwner as TlsEvents
  try {
    events.shutDone(status)
  } catch (error) {
    events.failed(error)
  }
}
