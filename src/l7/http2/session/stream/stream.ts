import { DEFAULT_URGENCY } from '../send/priority.ts'

/** Receives the events of one stream: the exchange's side of it. */
export interface StreamHandler {
  /** Part of the message's body, valid during the call; comes only while the body flows. */
  onData(buffer: Buffer, start: number, end: number): void
  /** The body is complete. `trailers`: "name: value\r\n" lines. */
  onDataEnd(trailers: string): void
  /** All that one read brought has been told. */
  onReadDone(): void
  /** What was sent of it has left the stream: it takes more. */
  onDrain(): void
  /** END_STREAM of both sides has been sent and has come. */
  onFinished?(): void
  /** Ours has been sent and the peer's has not come: what else comes is dropped. Without this the stream is reset at once. */
  onEndedFirst?(): void
  /** Nothing further is heard. The peer reset it, broke a rule, or the connection is over. `code`: an error code. */
  onClosed(code: number, by: ClosedBy): void
}

/** `refused`: the peer says that it did nothing with it, so it may be tried again (RFC 9113 §8.7). */
export type ClosedBy = 'peer' | 'violation' | 'connection' | 'refused'

/** One stream of a connection, as the state machine knows it. */
export class Stream {
  readonly id: number
  handler: StreamHandler | undefined
  /** Bytes of DATA that the peer takes; negative after a smaller SETTINGS_INITIAL_WINDOW_SIZE. Session's. */
  sendWindow: number
  /** Bytes of DATA that may still come. Session's. */
  receiveWindow: number
  /** END_STREAM was sent; was received. Session's. */
  localEnded = false
  remoteEnded = false
  /** The final head was sent; has come. */
  headSent = false
  headReceived = false
  /** The peer's message has no body, whatever its fields say: it answers HEAD. Client only. */
  bodiless = false
  /** Both ways go on by themselves: CONNECT. */
  tunnel = false
  /** Bytes that the message's content-length still promises; -1 without one. */
  contentLeft = -1
  urgency = DEFAULT_URGENCY
  /** In ms of the session's clock. */
  openedAt = 0
  incremental = false

  // Sending: what waits for a window.
  pending: Buffer[] | undefined
  pendingBytes = 0
  /** END_STREAM follows what waits, with these trailers. */
  endTrailers: string | undefined
  /** Where the stream's last frame begins in the connection's output. */
  lastFrame = -1
  /** Somebody was told to wait, and has this place among those. */
  waits = false
  place = -1

  // Receiving.
  /** What comes is dropped: the answer is complete. */
  discards = false
  /** The handler takes the body now. */
  flows = false
  held: Buffer[] | undefined
  heldBytes = 0
  /** What stands after the held bytes: the end, with trailers. */
  heldEnd: string | undefined
  /** Taken by the handler, not credited yet. */
  uncredited = 0
  /** Held, and not credited to the connection either. */
  owed = 0
  /** The window was opened wide, since the body flows. */
  opened = false
  /** Told of in this read. */
  touched = false

  constructor(id: number, sendWindow: number, receiveWindow: number) {
    this.id = id
    this.sendWindow = sendWindow
    this.receiveWindow = receiveWindow
  }
}
