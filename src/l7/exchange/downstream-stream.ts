import type { BodyLength } from '../message/body-length.ts'
import type { Contained } from '../../core/containment.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import type { HeaderBlock } from '../message/header-block.ts'
import type { Response } from '../message/response.ts'
import type { ClientConnection } from './client/client-connection.ts'

/**
 * The client's side of one exchange, whatever version of HTTP it speaks. What is sent is gathered until `flush`.
 */
export interface DownstreamStream extends Contained {
  /** The connection, which over HTTP/2 has many streams. */
  readonly client: ClientConnection
  /** Bytes of the client are being read; the exchange's `onRequestReadDone` follows. */
  readonly reading: boolean
  /** The request's body has been read to its end. */
  readonly bodyComplete: boolean
  /** Begins to give the body to the exchange: `onRequestBody`, then `onRequestEnd`. */
  startBody(): void
  pauseBody(): void
  resumeBody(): void
  sendInterim(status: number, reason: string, headers: HeaderBlock): void
  /** `length`: of the body that follows. `fields`: "Name: value\r\n" lines without framing. */
  sendHead(status: number, reason: string, fields: string, length: BodyLength, trailers: boolean): void
  sendBody(buffer: Buffer, start: number, end: number): void
  /** A latin1 string: the cheapest way for small bodies. */
  sendText(text: string): void
  /** Bytes of ours, which stay untouched. */
  sendOwned(bytes: Buffer): void
  /** True: the bytes have been taken. False: they stay untouched from now on. For a stream whose `sendBody` takes those of a read only. */
  sendLent?(bytes: Buffer): boolean
  /** The response is complete, and the exchange over. */
  sendEnd(trailers: string): void
  /** False: wait for the exchange's `onDownstreamDrain`. */
  flush(): boolean
  /** The connection closes with the response that follows. */
  closeAfter(): void
  /** The response cannot be completed: the client is told by a broken message. */
  abort(): void
  /** 101: from now on the connection is a tunnel to `upstream`, which has sent `rest` already. */
  tunnel(
    head: Response,
    fields: string,
    upstream: ByteStream,
    rest: Buffer,
    onEnd: (failed: boolean) => void
  ): void
}
