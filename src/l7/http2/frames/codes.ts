/** Types of frames (RFC 9113 §6; PRIORITY_UPDATE: RFC 9218 §7.1). */
export const DATA = 0x0
export const HEADERS = 0x1
export const PRIORITY = 0x2
export const RST_STREAM = 0x3
export const SETTINGS = 0x4
export const PUSH_PROMISE = 0x5
export const PING = 0x6
export const GOAWAY = 0x7
export const WINDOW_UPDATE = 0x8
export const CONTINUATION = 0x9
export const PRIORITY_UPDATE = 0x10

export const FLAG_ACK = 0x1
export const FLAG_END_STREAM = 0x1
export const FLAG_END_HEADERS = 0x4
export const FLAG_PADDED = 0x8
export const FLAG_PRIORITY = 0x20

/** RFC 9113 §7. */
export const NO_ERROR = 0x0
export const PROTOCOL_ERROR = 0x1
export const INTERNAL_ERROR = 0x2
export const FLOW_CONTROL_ERROR = 0x3
export const SETTINGS_TIMEOUT = 0x4
export const STREAM_CLOSED = 0x5
export const FRAME_SIZE_ERROR = 0x6
export const REFUSED_STREAM = 0x7
export const CANCEL = 0x8
export const COMPRESSION_ERROR = 0x9
export const CONNECT_ERROR = 0xa
export const ENHANCE_YOUR_CALM = 0xb

const NAMES = [
  'NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED',
  'FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'
] // prettier-ignore

/** The name of an error code; an unknown code counts as INTERNAL_ERROR (RFC 9113 §7). */
export function errorName(code: number): string {
  return NAMES[code] ?? 'INTERNAL_ERROR'
}

/** RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1. */
export const HEADER_TABLE_SIZE = 0x1
export const ENABLE_PUSH = 0x2
export const MAX_CONCURRENT_STREAMS = 0x3
export const INITIAL_WINDOW_SIZE = 0x4
export const MAX_FRAME_SIZE = 0x5
export const MAX_HEADER_LIST_SIZE = 0x6
export const ENABLE_CONNECT_PROTOCOL = 0x8
export const NO_RFC7540_PRIORITIES = 0x9

export const FRAME_HEAD = 9
/** The initial value of both windows, and of SETTINGS_INITIAL_WINDOW_SIZE. */
export const DEFAULT_WINDOW = 65_535
export const MAX_WINDOW = 0x7fff_ffff
/** The smallest value of SETTINGS_MAX_FRAME_SIZE, which lb uses. */
export const LEAST_FRAME_SIZE = 16_384

/** What a client sends first (RFC 9113 §3.4). */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
