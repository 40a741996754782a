import { writeLatin1 } from '../../../core/latin1.ts'
import {
  CONTINUATION,
  DATA,
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FRAME_HEAD,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE
} from './codes.ts'
import type { OutQueue } from './out-queue.ts'

/** Writes the head of a frame at `at`. */
export function putHead(
  buffer: Buffer,
  at: number,
  size: number,
  type: number,
  flags: number,
  streamId: number
): void {
  buffer[at] = size >>> 16
  buffer[at + 1] = size >>> 8
  buffer[at + 2] = size
  buffer[at + 3] = type
  buffer[at + 4] = flags
  put32(buffer, at + 5, streamId)
}

export function put32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24
  buffer[at + 1] = value >>> 16
  buffer[at + 2] = value >>> 8
  buffer[at + 3] = value
}

export function get32(buffer: Buffer, at: number): number {
  return ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0
}

function begin(out: OutQueue, size: number, type: number, flags: number, streamId: number): Buffer {
  out.reserve(FRAME_HEAD + size)
  const { buffer } = out
  putHead(buffer, out.at, size, type, flags, streamId)
  out.at += FRAME_HEAD
  return buffer
}

export function writePreface(out: OutQueue): void {
  out.reserve(PREFACE.length)
  out.at += writeLatin1(out.buffer, PREFACE, out.at)
}

/** `pairs`: identifier, value, identifier, value … */
export function writeSettings(out: OutQueue, pairs: readonly number[]): void {
  const buffer = begin(out, pairs.length * 3, SETTINGS, 0, 0)
  for (let i = 0; i < pairs.length; i += 2) {
    buffer[out.at++] = pairs[i]! >>> 8
    buffer[out.at++] = pairs[i]!
    put32(buffer, out.at, pairs[i + 1]!)
    out.at += 4
  }
}

export function writeSettingsAck(out: OutQueue): void {
  begin(out, 0, SETTINGS, FLAG_ACK, 0)
}

/** `payload`: eight bytes from `start`. */
export function writePing(out: OutQueue, ack: boolean, payload: Buffer, start: number): void {
  const buffer = begin(out, 8, PING, ack ? FLAG_ACK : 0, 0)
  out.at += payload.copy(buffer, out.at, start, start + 8)
}

export function writeWindowUpdate(out: OutQueue, streamId: number, increment: number): void {
  put32(begin(out, 4, WINDOW_UPDATE, 0, streamId), out.at, increment)
  out.at += 4
}

export function writeReset(out: OutQueue, streamId: number, code: number): void {
  put32(begin(out, 4, RST_STREAM, 0, streamId), out.at, code)
  out.at += 4
}

export function writeGoaway(out: OutQueue, lastStreamId: number, code: number): void {
  const buffer = begin(out, 8, GOAWAY, 0, 0)
  put32(buffer, out.at, lastStreamId)
  put32(buffer, out.at + 4, code)
  out.at += 8
}

/** One DATA frame of at most 16 KiB. */
export function writeData(
  out: OutQueue,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
  endStream: boolean
): void {
  const buffer = begin(out, end - start, DATA, endStream ? FLAG_END_STREAM : 0, streamId)
  out.at += bytes.copy(buffer, out.at, start, end)
}

/** A field section that is too long for one frame: HEADERS and CONTINUATION (RFC 9113 §6.10). */
export function writeLongHeaders(
  out: OutQueue,
  streamId: number,
  block: Buffer,
  size: number,
  endStream: boolean,
  maxFrame: number
): void {
  for (let at = 0; at < size;) {
    const part = Math.min(maxFrame, size - at)
    const last = at + part === size ? FLAG_END_HEADERS : 0
    const flags = at === 0 && endStream ? last | FLAG_END_STREAM : last
    const buffer = begin(out, part, at === 0 ? HEADERS : CONTINUATION, flags, streamId)
    out.at += block.copy(buffer, out.at, at, at + part)
    at += part
  }
}
