import type { SocketName, TransportOwner } from './transport.ts'

/**
 * What a relay needs of a side: bytes both ways with back-pressure, an end in each direction, and a break. A Transport is
 * one, and so can be one stream of an HTTP/2 connection (RFC 8441), whose FIN is END_STREAM and whose reset is RST_STREAM.
 * The contract of each member is that of Transport.
 */
export interface ByteStream {
  owner: TransportOwner
  readsOut: boolean
  readonly closed: boolean
  /** Bytes handed on so far. */
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
