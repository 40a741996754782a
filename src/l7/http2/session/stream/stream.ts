import type { Pieces } from '../../../../net/transport/pieces.ts'
import { DEFAULT_URGENCY } from '../send/priority.ts'

/** Receives the events of one stream, for an exchange. */
export interface StreamHandler {
  /** A part of the message's body, valid during the call; comes only while the body flows. */
  onData(buffer: Buffer, start: number, end: number): void
  /** The body is complete. `trailers`: "name: value\r\n" lines. */
  onDataEnd(trailers: string): void
  /** Everything from one read has been delivered. */
  onReadDone(): void
  /** The waiting bytes have been sent: the stream takes more. */
  onDrain(): void
  /** END_STREAM has been sent and received. */
  onFinished?(): void
  /**
   * END_STREAM has been sent but not received: what else comes is dropped. A handler without this method has the stream
   * reset at once.
   */
  onEndedFirst?(): void
  /**
   * No more events follow. The peer reset the stream or broke a rule, or the connection is over. `code`: an error code.
   */
  onClosed(code: number, by: ClosedBy): void
}

/** `refused`: the peer says that it did not process the stream, so the request may be tried again (RFC 9113 §8.7). */
export type ClosedBy = 'peer' | 'violation' | 'connection' | 'refused'

/** One stream of a connection, as the state machine knows it. */
export class Stream {
  readonly id: number
  handler: StreamHandler | undefined
  /**
   * Bytes of DATA that the peer takes; negative after a smaller SETTINGS_INITIAL_WINDOW_SIZE. Written by the session.
   */
  sendWindow: number
  /** Bytes of DATA that may still come. Written by the session. */
  receiveWindow: number
  /** END_STREAM was sent; was received. Written by the session. */
  localEnded = false
  remoteEnded = false
  /** The final head was sent; was received. */
  headSent = false
  headReceived = false
  /** The peer's message has no body, whatever its fields say: it answers HEAD. Client only. */
  bodiless = false
  /** Interim responses that have come. Client only. */
  interim = 0
  /** Both directions are independent: CONNECT. */
  tunnel = false
  /** Bytes of the body that content-length declares and that have yet to come; -1 without one. */
  contentLeft = -1
  urgency = DEFAULT_URGENCY
  /** In ms of the session's clock. */
  openedAt = 0
  incremental = false

  // Sending: bytes that wait for a window.
  pending: Pieces | undefined
  pendingBytes = 0
  /** END_STREAM follows the waiting bytes, with these trailers. */
  endTrailers: string | undefined
  /** Where the stream's last frame begins in the connection's output. */
  lastFrame = -1
  /** The source was paused; the stream has this place in the sender's list. */
  waits = false
  place = -1

  // Receiving.
  /** What comes is dropped: the answer is complete. */
  discards = false
  /** Some was dropped. Reset by the handler. */
  dropped = false
  /** The handler reads the body now. */
  flows = false
  held: Pieces | undefined
  heldBytes = 0
  /** Follows the held bytes: the end, with trailers. */
  heldEnd: string | undefined
  /** Read by the handler, not credited yet. */
  uncredited = 0
  /** Held, and not credited to the connection either. */
  owed = 0
  /** The window was opened wide, since the body flows. */
  opened = false
  /** The stream is in the list of those that got bytes in this read. */
  touched = false

  constructor(id: number, sendWindow: number, receiveWindow: number) {
    this.id = id
    this.sendWindow = sendWindow
    this.receiveWindow = receiveWindow
  }
}
