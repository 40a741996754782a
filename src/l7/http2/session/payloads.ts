import { latin1 } from '../../../core/latin1.ts'
import { FLAG_PADDED, FLAG_PRIORITY, FRAME_SIZE_ERROR, PROTOCOL_ERROR } from '../frames/codes.ts'
import { get32 } from '../frames/write-frames.ts'
import { parsePriority } from './send/priority.ts'

/** Where the field section is in a HEADERS frame (RFC 9113 §6.2). One per thread: it is read at once. */
const payload = { start: 0, end: 0, selfDependent: false, failure: 0 }

export function readHeadersPayload(
  flags: number,
  id: number,
  buffer: Buffer,
  start: number,
  end: number
): Readonly<typeof payload> {
  let from = start
  let to = end
  payload.selfDependent = false
  payload.failure = 0
  if ((flags & FLAG_PADDED) !== 0) {
    if (from >= end) return failed(FRAME_SIZE_ERROR)
    to -= buffer[from++]!
  }
  if ((flags & FLAG_PRIORITY) !== 0) {
    if (end - from < 5) return failed(FRAME_SIZE_ERROR)
    payload.selfDependent = (get32(buffer, from) & 0x7fff_ffff) === id
    from += 5
  }
  if (to < from) return failed(PROTOCOL_ERROR)
  payload.start = from
  payload.end = to
  return payload
}

function failed(code: number): Readonly<typeof payload> {
  payload.failure = code
  return payload
}

/** RFC 9218 §7.1; at least four bytes. */
export function readPriorityUpdate(
  buffer: Buffer,
  start: number,
  end: number
): { streamId: number; priority: number } {
  return {
    streamId: get32(buffer, start) & 0x7fff_ffff,
    priority: parsePriority(latin1(buffer, start + 4, Math.min(end, start + 260)))
  }
}
