import { get32 } from '../frames/write-frames.ts'
import {
  DEFAULT_WINDOW,
  ENABLE_CONNECT_PROTOCOL,
  ENABLE_PUSH,
  FLOW_CONTROL_ERROR,
  HEADER_TABLE_SIZE,
  INITIAL_WINDOW_SIZE,
  LEAST_FRAME_SIZE,
  MAX_CONCURRENT_STREAMS,
  MAX_FRAME_SIZE,
  MAX_HEADER_LIST_SIZE,
  MAX_WINDOW,
  NO_RFC7540_PRIORITIES,
  PROTOCOL_ERROR
} from '../frames/codes.ts'

const LARGEST_FRAME_SIZE = 16_777_215

/** The peer's SETTINGS (RFC 9113 §6.5.2). */
export class PeerSettings {
  headerTableSize = 4096
  enablePush = true
  maxConcurrentStreams = Infinity
  initialWindowSize = DEFAULT_WINDOW
  maxFrameSize = LEAST_FRAME_SIZE
  maxHeaderListSize = Infinity
  enableConnectProtocol = false

  readonly #server: boolean

  /** `server`: the peer is a client. */
  constructor(server: boolean) {
    this.#server = server
  }

  /** Applies a payload, whose length is a multiple of six; returns an error code, 0 for none. */
  apply(buffer: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at += 6) {
      const failure = this.#set((buffer[at]! << 8) | buffer[at + 1]!, get32(buffer, at + 2))
      if (failure !== 0) return failure
    }
    return 0
  }

  #set(id: number, value: number): number {
    switch (id) {
      case HEADER_TABLE_SIZE:
        this.headerTableSize = value
        return 0
      case ENABLE_PUSH:
        // A server may not even say that it would push.
        if (value > (this.#server ? 1 : 0)) return PROTOCOL_ERROR
        this.enablePush = value === 1
        return 0
      case MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value
        return 0
      case INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) return FLOW_CONTROL_ERROR
        this.initialWindowSize = value
        return 0
      case MAX_FRAME_SIZE:
        if (value < LEAST_FRAME_SIZE || value > LARGEST_FRAME_SIZE) return PROTOCOL_ERROR
        this.maxFrameSize = value
        return 0
      case MAX_HEADER_LIST_SIZE:
        this.maxHeaderListSize = value
        return 0
      case ENABLE_CONNECT_PROTOCOL:
        // RFC 8441 §3: once enabled it cannot be disabled.
        if (value > 1 || (value === 0 && this.enableConnectProtocol)) return PROTOCOL_ERROR
        this.enableConnectProtocol = value === 1
        return 0
      case NO_RFC7540_PRIORITIES:
        // RFC 9218 §2.1: its order of RFC 7540 is ignored either way.
        return value > 1 ? PROTOCOL_ERROR : 0
      default:
        // §6.5.2: unknown settings are ignored.
        return 0
    }
  }
}
