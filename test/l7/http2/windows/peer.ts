import { PREFACE } from '../../../../src/l7/http2/frames/codes.ts'
import { frame, setting, u32 } from '../wire.ts'

const INITIAL = 65_535
const MOST = 0x7fff_ffff

/** Bytes that tell where they belong: those of stream `id` from `at`. */
export function patternOf(id: number, at: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  for (let i = 0; i < size; i++) bytes[i] = (at + i) * 31 + ((at + i) >> 8) * 7 + id
  return bytes
}

/** One stream as the other end sees it. */
export interface PeerStream {
  /** Bytes of DATA that lb may send. */
  window: number
  /** Bytes that this end may send. */
  credit: number
  received: number
  sent: number
  /** END_STREAM has come; has been sent; it was reset. */
  ended: boolean
  hasEnded: boolean
  reset: boolean
}

/**
 * The other end of a connection: keeps both windows as RFC 9113 §6.9 has them, and says what lb does against them.
 * SETTINGS count from their acknowledgement on.
 */
export class Peer {
  readonly wrong: string[] = []
  readonly streams = new Map<number, PeerStream>()
  /** Of the connection: what lb may send, what this end may send. */
  window = INITIAL
  credit = INITIAL
  #initial = INITIAL
  /** Those of the beginning change nothing. */
  readonly #unacknowledged: number[] = [INITIAL]
  #rest: Buffer = Buffer.alloc(0)
  #begun = false

  stream(id: number): PeerStream {
    let known = this.streams.get(id)
    if (known === undefined) {
      known = { window: this.#initial, credit: INITIAL, received: 0, sent: 0, ended: false, hasEnded: false, reset: false } // prettier-ignore
      this.streams.set(id, known)
    }
    return known
  }

  /** lb gave these bytes. */
  receive(bytes: Buffer): void {
    let all = Buffer.concat([this.#rest, bytes])
    if (!this.#begun && all.toString('latin1').startsWith(PREFACE)) all = all.subarray(PREFACE.length)
    this.#begun = true
    while (all.length >= 9 && all.length >= 9 + all.readUIntBE(0, 3)) {
      const end = 9 + all.readUIntBE(0, 3)
      this.#frame(all[3]!, all[4]!, all.readUInt32BE(5) & MOST, all.subarray(9, end))
      all = all.subarray(end)
    }
    this.#rest = all
  }

  /** A smaller or larger window for all streams; returns the frame. */
  settings(initial: number): Buffer {
    this.#unacknowledged.push(initial)
    return frame(4, 0, 0, setting(4, initial))
  }

  /** Credit for a stream, or 0 for the connection. As much as still fits. */
  grant(id: number, size: number): Buffer {
    const of = id === 0 ? this : this.stream(id)
    // What a SETTINGS on its way adds is not known here yet.
    const fits = Math.min(size, 1_000_000_000 - of.window)
    if (fits <= 0 || (id !== 0 && this.stream(id).reset)) return Buffer.alloc(0)
    of.window += fits
    return frame(8, 0, id, u32(fits))
  }

  /** DATA, as much of `size` as both windows allow. */
  data(id: number, size: number, ends: boolean): Buffer {
    const stream = this.stream(id)
    if (stream.hasEnded || stream.reset) return Buffer.alloc(0)
    const most = Math.min(size, stream.credit, this.credit, 16_384)
    if (most <= 0 && !ends) return Buffer.alloc(0)
    const bytes = patternOf(id, stream.sent, Math.max(0, most))
    stream.sent += bytes.length
    stream.credit -= bytes.length
    this.credit -= bytes.length
    stream.hasEnded = ends
    return frame(0, ends ? 1 : 0, id, bytes)
  }

  resetStream(id: number): Buffer {
    this.stream(id).reset = true
    return frame(3, 0, id, u32(8))
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === 0) this.#data(flags, id, payload)
    else if (type === 1) {
      if ((flags & 1) !== 0) this.stream(id).ended = true
      else this.stream(id)
    } else if (type === 3) this.stream(id).reset = true
    else if (type === 4 && (flags & 1) !== 0) this.#acknowledged()
    else if (type === 7) this.wrong.push(`GOAWAY ${payload.readUInt32BE(4)}`)
    else if (type === 8 && id === 0) this.credit += payload.readUInt32BE(0)
    else if (type === 8) this.stream(id).credit += payload.readUInt32BE(0)
  }

  #acknowledged(): void {
    const initial = this.#unacknowledged.shift()
    if (initial === undefined) return
    const change = initial - this.#initial
    this.#initial = initial
    for (const stream of this.streams.values()) stream.window += change
  }

  #data(flags: number, id: number, payload: Buffer): void {
    const stream = this.stream(id)
    // lb may not have seen our reset.
    this.window -= payload.length
    stream.window -= payload.length
    if (payload.length > 0 && (this.window < 0 || stream.window < 0))
      this.wrong.push(
        `${payload.length} bytes on ${id}: ${this.window} and ${stream.window} are left of the windows`
      )
    if (payload.length === 0 && (flags & 1) === 0) this.wrong.push(`DATA without bytes on ${id}`)
    if (stream.ended) this.wrong.push(`DATA behind the end of ${id}`)
    if (!payload.equals(patternOf(id, stream.received, payload.length)))
      this.wrong.push(`other bytes on ${id} from ${stream.received}`)
    stream.received += payload.length
    if ((flags & 1) !== 0) stream.ended = true
  }
}
