import { ENHANCE_YOUR_CALM } from '../frames/codes.ts'
import type { Http2Host } from './http2-host.ts'
import type { Standing } from './offenders.ts'
import type { ReadSlices } from './read-slices.ts'
import type { ServerSession } from './server-session.ts'

/** One connection among those that its client has, or had before (`Offenders`). */
export class HoldBack {
  /** Nothing is read before the connection's deadline. Written here only. */
  waits = false
  readonly #host: Http2Host
  readonly #client: string
  readonly #standing: Standing
  #refused = false

  constructor(host: Http2Host, client: string) {
    this.#host = host
    this.#client = client
    this.#standing = host.offenders.standing(client, this.#now, host.snapshot.trusted)
  }

  get maxStreams(): number {
    return Math.min(this.#host.snapshot.config.http2.maxStreams, this.#standing.maxStreams)
  }

  /** Milliseconds that the connection waits; negative: it is refused. */
  get wait(): number {
    return this.#standing.wait ?? 0
  }

  /** The session has been started. True: nothing is read for `wait`, until `begin`. */
  applies(session: ServerSession, slices: ReadSlices): boolean {
    const { distrusted, wait } = this.#standing
    if (distrusted) session.glitches.distrust()
    if (wait === undefined) return false
    this.#refused = wait < 0
    this.#host.http2.heldBack(this.#refused ? 'refused' : 'delayed')
    if (this.#refused)
      session.fail(ENHANCE_YOUR_CALM, 'its client is held back, and too many of its connections wait')
    this.waits = wait > 0
    // Whatever a refused client sends stays in the kernel, which slows it down.
    if (wait !== 0) slices.hold()
    return this.waits
  }

  begin(slices: ReadSlices): void {
    this.#over()
    slices.release()
  }

  /** The connection has to be ended. A refusal is no offence: a crowd behind one address would never come in again. */
  failed(code: number): void {
    if (code === ENHANCE_YOUR_CALM && !this.#refused) this.#host.offenders.add(this.#client, this.#now)
  }

  /** Before the session is told of the end. `byClient`: its open requests are given up by the client. */
  closed(session: ServerSession, byClient: boolean): void {
    if (this.waits) this.#over()
    session.now = this.#now
    const units = session.glitches.leaves(byClient ? session.earlyStreams : 0, this.#now)
    this.#host.offenders.leaves(this.#client, units, this.#now)
  }

  #over(): void {
    this.waits = false
    this.#host.offenders.begun()
  }

  get #now(): number {
    return this.#host.context.deadlines.now
  }
}
