import { PREFACE } from '../../../src/l7/http2/frames/codes.ts'
import { ServerSession, type ServerSessionHost } from '../../../src/l7/http2/server/server-session.ts'
import type { ClosedBy, Stream, StreamHandler } from '../../../src/l7/http2/session/stream/stream.ts'
import type { Request } from '../../../src/l7/message/request.ts'
import { giveChunk } from '../../../src/l7/http2/frames/chunk-pool.ts'
import type { OutQueue } from '../../../src/l7/http2/frames/out-queue.ts'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

/** Bytes of one frame, whatever its rules are. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array = Buffer.alloc(0)
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, at) => bytes.writeUInt32BE(value >>> 0, 4 * at))
  return bytes
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([id >> 8, id & 255]), u32(value)])
}

export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at + 9 <= bytes.length;) {
    const size = bytes.readUIntBE(at, 3)
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      id: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: bytes.subarray(at + 9, at + 9 + size)
    })
    at += 9 + size
  }
  return frames
}

/** Literals without indexing and without Huffman: what any decoder must take. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of fields) parts.push(Buffer.from([0]), string(name), string(value))
  return Buffer.concat(parts)
}

function string(text: string): Buffer {
  const { length } = text
  const head = [length < 127 ? length : 127]
  if (length >= 127) {
    let rest = length - 127
    for (; rest >= 128; rest >>= 7) head.push(128 | (rest & 127))
    head.push(rest)
  }
  return Buffer.concat([Buffer.from(head), Buffer.from(text, 'latin1')])
}

export const GET: readonly (readonly [string, string])[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a.example']
]

export const preface = Buffer.concat([Buffer.from(PREFACE), frame(4, 0, 0)])

export function drain(out: OutQueue): Buffer {
  const parts: Buffer[] = []
  for (let chunk = out.shift(); chunk !== undefined; chunk = out.shift()) {
    parts.push(Buffer.from(chunk.buffer.subarray(0, chunk.end)))
    giveChunk(chunk.buffer)
  }
  return Buffer.concat(parts)
}

/** What a server heard of one request. */
export class Heard implements StreamHandler {
  body = ''
  trailers: string | undefined
  drains = 0
  reads = 0
  closed: { code: number; by: ClosedBy } | undefined
  readonly stream: Stream
  readonly request: Request | undefined

  constructor(stream: Stream, request: Request | undefined) {
    this.stream = stream
    this.request = request
    stream.handler = this
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.body += buffer.toString('latin1', start, end)
  }

  onDataEnd(trailers: string): void {
    this.trailers = trailers
  }

  onReadDone(): void {
    this.reads++
  }

  onDrain(): void {
    this.drains++
  }

  onClosed(code: number, by: ClosedBy): void {
    this.closed = { code, by }
  }
}

/** A server's session without a socket. */
export class Lab implements ServerSessionHost {
  readonly limits = { headBytes: 16_384, headerCount: 100, urlBytes: 8192 }
  readonly session: ServerSession
  readonly heard: Heard[] = []
  readonly failures: number[] = []
  readonly ends: string[] = []
  /** Streams that were opened and have not closed. */
  open = 0
  over: { code: number; reason: string } | undefined
  /** Bodies are taken from the start. */
  takes = true
  /** What is done with each request. */
  onHeard: (heard: Heard) => void = () => {}

  constructor(maxStreams = 100) {
    this.session = new ServerSession(this, maxStreams)
    this.session.start()
  }

  onStreamOpened(): void {
    this.open++
  }

  onRequest(stream: Stream, request: Request): void {
    const heard = new Heard(stream, request)
    this.heard.push(heard)
    const ended = stream.remoteEnded && stream.heldEnd === undefined
    if (this.takes) this.session.flow(stream)
    if (ended) heard.onDataEnd('')
    this.onHeard(heard)
  }

  onBadRequest(stream: Stream, failure: number): void {
    this.failures.push(failure)
    new Heard(stream, undefined)
    this.session.respond(stream, 400, '', -1, true)
  }

  wake(): void {}

  onClientGoaway(): void {}

  onReset(): void {}

  onOver(code: number, reason: string): void {
    this.over = { code, reason }
  }

  onStreamClosed(code: number, by: string): void {
    this.open--
    this.ends.push(`${by}:${code}`)
  }

  /** Feeds bytes; returns the frames that were sent. */
  feed(...parts: Uint8Array[]): Frame[] {
    const bytes = Buffer.concat(parts)
    this.session.receive(bytes, 0, bytes.length)
    return this.frames()
  }

  frames(): Frame[] {
    const frames = parseFrames(drain(this.session.out))
    this.session.written()
    return frames.concat(this.session.out.bytes > 0 ? this.frames() : [])
  }
}

/** One that has seen preface and SETTINGS, and has sent its own. */
export function lab(maxStreams?: number): Lab {
  const made = new Lab(maxStreams)
  made.feed(preface)
  return made
}
