import type { Contained } from '../../core/containment.ts'
import type { Deadlines, Waits } from '../../core/deadlines.ts'
import type { Transport, TransportOwner } from '../transport/transport.ts'
import type { ProxyHeader } from './header.ts'
import { parseProxyHeader } from './parse.ts'
import { V2_MAX_BYTES } from './parse-v2.ts'

export interface ProxyHeaderNext extends Contained {
  /**
   * The header has come. The callee sets `transport.owner` and handles `start..end` of `buffer`, the bytes after the
   * header (possibly none), as in `onData` of the new owner.
   */
  onProxyHeader(header: ProxyHeader, buffer: Buffer, start: number, end: number): void
  /**
   * No header came, or a malformed one; the transport is reset after this. `gone`: the peer closed it before the header
   * was complete.
   */
  onProxyHeaderFailed(problem: string, gone: boolean): void
}

/**
 * Owns an accepted connection until its PROXY header has been read; both engines use it before their own owners.
 * Bounded in bytes (4 KiB) and in time.
 */
export class ProxyHeaderReader implements TransportOwner, Waits {
  deadline: number
  readonly #transport: Transport
  readonly #next: ProxyHeaderNext
  readonly #deadlines: Deadlines
  /** The beginning of a header that came in pieces, which is rare. */
  #held: Buffer | undefined
  #done = false

  constructor(transport: Transport, deadlines: Deadlines, timeoutMs: number, next: ProxyHeaderNext) {
    this.#transport = transport
    this.#next = next
    this.#deadlines = deadlines
    deadlines.add(this)
    this.deadline = deadlines.now + timeoutMs
    transport.owner = this
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#done) return
    if (this.#held !== undefined) {
      buffer = Buffer.concat([this.#held, buffer.subarray(start, end)])
      start = 0
      end = buffer.length
    }
    const parsed = parseProxyHeader(buffer, start, end)
    if (parsed.kind === 'bad') return this.#fail(parsed.problem, false)
    if (parsed.kind === 'header') {
      this.#finish()
      this.#next.onProxyHeader(parsed.header, buffer, start + parsed.length, end)
      return
    }
    // parse-v2 refuses longer headers, so this holds at most one read.
    if (end - start > V2_MAX_BYTES) return this.#fail('header too long', false)
    this.#held = Buffer.from(buffer.subarray(start, end))
  }

  onEnd(): void {
    this.#fail('closed before the PROXY header', true)
  }

  onDrain(): void {}

  onClose(): void {
    this.#fail('closed before the PROXY header', true)
  }

  onDeadline(): void {
    this.#fail('no PROXY header in time', false)
  }

  onInternalError(error: unknown): string | undefined {
    this.#finish()
    this.#transport.reset()
    return this.#next.onInternalError?.(error)
  }

  #fail(problem: string, gone: boolean): void {
    if (this.#done) return
    this.#finish()
    this.#next.onProxyHeaderFailed(problem, gone)
    this.#transport.reset()
  }

  #finish(): void {
    this.#done = true
    this.#deadlines.remove(this)
  }
}
