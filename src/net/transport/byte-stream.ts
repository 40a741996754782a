import type { SocketName, TransportOwner } from './transport.ts'

/**
 * What a relay needs from a side: bytes both ways with back-pressure, an end in each direction, and a reset. A
 * Transport implements it, and so does a stream of an HTTP/2 connection (RFC 8441), whose FIN is END_STREAM and whose
 * reset is RST_STREAM. Each member has the same contract as in Transport.
 */
export interface ByteStream {
  owner: TransportOwner
  readsOut: boolean
  readonly closed: boolean
  /** Bytes sent so far. */
  readonly bytesOut: number
  readonly pending: number
  readonly remote: SocketName | undefined
  pause(): void
  resume(): void
  end(): void
  destroy(error?: Error): void
  reset(): void
  sendOwned(bytes: Uint8Array): boolean
  sendFrom(buffer: Buffer, start: number, end: number): boolean
}
