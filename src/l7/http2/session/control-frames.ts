import { ENHANCE_YOUR_CALM, FLAG_ACK, FRAME_SIZE_ERROR, NO_ERROR, PROTOCOL_ERROR } from '../frames/codes.ts'
import type { OutQueue } from '../frames/out-queue.ts'
import { get32, writeGoaway, writePing, writeSettingsAck } from '../frames/write-frames.ts'
import type { GlitchKind } from './glitches.ts'
import { readPriorityUpdate } from './payloads.ts'
import { StreamSet } from './stream/stream-set.ts'

/** Answers to SETTINGS and PING that may wait to be written, in bytes. */
const MAX_CONTROL_BYTES = 32_768
const PING_PAYLOAD = Buffer.from('lb there')

/**
 * The frames that carry no message: SETTINGS, PING, WINDOW_UPDATE, priorities. Also ends a connection with an error.
 */
export abstract class ControlFrames extends StreamSet {
  /** Bytes of answers to SETTINGS and PING since the output was last empty. */
  #controlBytes = 0
  #settled = false
  #acknowledged = false

  protected abstract stopReading(): void
  protected onPong(): void {}

  get out(): OutQueue {
    return this.sender.out
  }

  /** The peer's SETTINGS have come, and it has acknowledged ours. */
  get settled(): boolean {
    return this.#settled
  }

  get acknowledged(): boolean {
    return this.#acknowledged
  }

  /** Everything in `out` has been written. */
  written(): void {
    this.#controlBytes = 0
    this.sender.pump()
  }

  /** Ends the connection for a violation (RFC 9113 §5.4.1): GOAWAY is the last frame that it sends. */
  override fail(code: number, reason: string): false {
    if (this.over) return false
    writeGoaway(this.out, this.lastPeerId, code)
    this.stopReading()
    this.finish(code, reason)
    return false
  }

  protected onSettings(flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    if (id !== 0) return this.fail(PROTOCOL_ERROR, 'SETTINGS on a stream')
    if ((flags & FLAG_ACK) !== 0) {
      if (end > start) return this.fail(FRAME_SIZE_ERROR, 'SETTINGS ACK with a payload')
      this.#acknowledged = true
      return true
    }
    if ((end - start) % 6 !== 0) return this.fail(FRAME_SIZE_ERROR, 'SETTINGS of a wrong size')
    if (this.#settled && !this.glitch('settings')) return false
    this.#settled = true
    const failure = this.applySettings(buffer, start, end)
    if (failure !== 0) return this.fail(failure, 'SETTINGS with a value that is not allowed')
    if (!this.#control(9)) return false
    writeSettingsAck(this.out)
    this.sender.pump()
    return !this.over
  }

  /** Sends a PING to check whether the peer is there. */
  ping(): void {
    if (this.over) return
    writePing(this.out, false, PING_PAYLOAD, 0)
    this.host.wake()
  }

  protected onPing(flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    if (id !== 0) return this.fail(PROTOCOL_ERROR, 'PING on a stream')
    if (end - start !== 8) return this.fail(FRAME_SIZE_ERROR, 'PING of a wrong size')
    if ((flags & FLAG_ACK) !== 0) {
      this.onPong()
      return true
    }
    if (!this.glitch('ping') || !this.#control(17)) return false
    writePing(this.out, true, buffer, start)
    return true
  }

  protected onWindowUpdate(id: number, buffer: Buffer, start: number, end: number): boolean {
    if (end - start !== 4) return this.fail(FRAME_SIZE_ERROR, 'WINDOW_UPDATE of a wrong size')
    if (id !== 0 && this.isIdle(id)) return this.fail(PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream')
    const increment = get32(buffer, start) & 0x7fff_ffff
    if (!this.sender.accountsForUpdate() && !this.glitch('window-update')) return false
    return this.widen(id, increment)
  }

  protected onPriority(id: number, buffer: Buffer, start: number, end: number): boolean {
    if (id === 0) return this.fail(PROTOCOL_ERROR, 'PRIORITY on stream 0')
    // RFC 9113 §6.3: both are stream errors; the stream need not exist.
    if (end - start !== 5) {
      return this.streams.has(id)
        ? this.violation(id, FRAME_SIZE_ERROR)
        : this.fail(FRAME_SIZE_ERROR, 'PRIORITY of a wrong size')
    }
    if ((get32(buffer, start) & 0x7fff_ffff) === id) {
      return this.streams.has(id)
        ? this.violation(id, PROTOCOL_ERROR)
        : this.fail(PROTOCOL_ERROR, 'a stream that depends on itself')
    }
    return this.glitch('priority')
  }

  protected onPriorityUpdate(id: number, buffer: Buffer, start: number, end: number): boolean {
    // RFC 9218 §7.1.
    if (id !== 0) return this.fail(PROTOCOL_ERROR, 'PRIORITY_UPDATE on a stream')
    if (end - start < 4) return this.fail(FRAME_SIZE_ERROR, 'PRIORITY_UPDATE too short')
    const { streamId, priority } = readPriorityUpdate(buffer, start, end)
    if (streamId === 0) return this.fail(PROTOCOL_ERROR, 'PRIORITY_UPDATE of stream 0')
    const stream = this.streams.get(streamId)
    if (stream !== undefined) this.sender.reorder(stream, priority)
    return this.glitch('priority')
  }

  /** Answers pile up when the peer reads nothing. */
  #control(bytes: number): boolean {
    this.#controlBytes += bytes
    if (this.#controlBytes <= MAX_CONTROL_BYTES) return true
    return this.fail(ENHANCE_YOUR_CALM, 'answers to SETTINGS and PING pile up')
  }

  /** Counts odd behaviour; false when it was too much and the connection is over. */
  protected glitch(kind: GlitchKind): boolean {
    if (this.glitches.add(kind, this.now)) return !this.over
    return this.fail(ENHANCE_YOUR_CALM, `too many glitches: ${kind}`)
  }

  /** A stream error that the peer caused (RFC 9113 §5.4.2). False when that happened too often. */
  protected violation(id: number, code: number): boolean {
    this.reset(id, code, 'violation')
    return this.glitch('made-reset')
  }

  /** Both peers send it to say that they take no more streams; NO_ERROR means an orderly end. */
  protected writeGoaway(lastStreamId: number): void {
    writeGoaway(this.out, lastStreamId, NO_ERROR)
    this.host.wake()
  }
}
