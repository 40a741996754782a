import type { Waits } from '../../../core/deadlines.ts'
import { ENHANCE_YOUR_CALM } from '../frames/codes.ts'
import type { Http2Host } from './http2-host.ts'
import type { ReadSlices } from './read-slices.ts'
import type { ServerSession } from './server-session.ts'

/** One connection among those that its client has, or had before (`Offenders`). */
export class HoldBack implements Waits {
  deadline = Infinity
  readonly #host: Http2Host
  readonly #client: string
  readonly #session: ServerSession
  readonly #slices: ReadSlices
  #waits = false
  /** It has waited, and does so once. */
  #waited = false
  #refused = false

  constructor(host: Http2Host, client: string, session: ServerSession, slices: ReadSlices) {
    this.#host = host
    this.#client = client
    this.#session = session
    this.#slices = slices
    if (host.offenders.distrusts(client, this.#now)) session.glitches.distrust()
  }

  /** Its client is held back, and it has not waited yet. */
  get applies(): boolean {
    return (
      !this.#waited &&
      this.#host.offenders.holdsBack(this.#client, this.#now) &&
      !this.#host.snapshot.trusted.contains(this.#client)
    )
  }

  /** It `applies`, and more than a small slice has come at once. True: `slices` go on when it has waited. */
  holds(): boolean {
    const wait = this.#host.offenders.wait(this.#client, this.#now)
    this.#waited = true
    if (wait === 0) return false
    this.#refused = wait < 0
    this.#host.http2.heldBack(this.#refused ? 'refused' : 'delayed')
    if (this.#refused) {
      this.#session.fail(ENHANCE_YOUR_CALM, 'its client is held back, and too many connections wait')
      return false
    }
    this.#waits = true
    this.deadline = this.#now + wait
    this.#host.context.deadlines.add(this)
    return true
  }

  onDeadline(): void {
    this.#over()
    this.#slices.release()
  }

  /** The connection has to be ended. A refusal is no offence: a crowd behind one address would never come in again. */
  failed(code: number): void {
    if (code === ENHANCE_YOUR_CALM && !this.#refused) this.#host.offenders.add(this.#client, this.#now)
  }

  /** Before the session is told of the end. `byClient`: its open requests are given up by the client. */
  closed(byClient: boolean): void {
    if (this.#waits) this.#over()
    this.#session.now = this.#now
    const units = this.#session.glitches.leaves(byClient ? this.#session.earlyStreams : 0, this.#now)
    this.#host.offenders.leaves(this.#client, units, this.#now)
  }

  #over(): void {
    this.#waits = false
    this.#host.context.deadlines.remove(this)
    this.#host.offenders.begun()
  }

  get #now(): number {
    return this.#host.context.deadlines.now
  }
}
