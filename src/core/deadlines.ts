import type { Clock } from './clock.ts'
import { contain, type Contained } from './containment.ts'
import { Roster } from './roster.ts'

/** Something that waits: `deadline` is in Clock.now() milliseconds, Infinity while nothing is awaited. */
export interface Waits extends Contained {
  deadline: number
  /** Written by Deadlines only. */
  waitsAt?: number
  /** Called once `deadline` has passed; `deadline` is set to Infinity before. It may remove itself. */
  onDeadline(now: number): void
}

const seats = {
  get: ({ waitsAt }: Waits) => waitsAt,
  set: (waits: Waits, at: number) => {
    waits.waitsAt = at
  }
}

/** A sweep that is later than this waits for one more turn. */
const STALL_PERIODS = 2.5

/**
 * Deadlines of many connections, checked by one coarse sweep. Moving a deadline is one store (a Node timer's
 * refresh costs 60 to 100 ns, and a connection moves its deadline several times per exchange); the price is
 * that a deadline fires up to one `periodMs` late. 10,000 waiting connections cost about 30 µs per sweep.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #periodMs: number
  readonly #waiting = new Roster<Waits>(seats)
  /** Sweeps are under way: something waited when the last one ended. */
  #sweeping = false
  /** The last sweep was put off. */
  #stalled = false
  #now: number

  constructor(clock: Clock, periodMs = 100) {
    this.#clock = clock
    this.#periodMs = periodMs
    this.#now = clock.now()
  }

  /**
   * Time of the last sweep: good enough for setting deadlines without asking the kernel. Nothing sweeps while nothing
   * waits, and the kernel is asked: the first deadline after a quiet hour would have passed before it is added.
   */
  get now(): number {
    return this.#sweeping ? this.#now : (this.#now = this.#clock.now())
  }

  get size(): number {
    return this.#waiting.size
  }

  add(waits: Waits): void {
    this.#waiting.add(waits)
    if (this.#sweeping) return
    this.#now = this.#clock.now()
    this.#sweeping = true
    this.#schedule()
  }

  remove(waits: Waits): void {
    this.#waiting.delete(waits)
  }

  #schedule(): void {
    this.#clock.after(this.#periodMs, () => this.#sweep())
  }

  #sweep(): void {
    const before = this.#now
    const now = (this.#now = this.#clock.now())
    // After a stall (garbage, a busy machine) bytes that came in time are still unread: they are read first.
    if (now - before > STALL_PERIODS * this.#periodMs && !this.#stalled) {
      this.#stalled = true
      return this.#schedule()
    }
    this.#stalled = false
    this.#waiting.forEach((waits) => {
      if (waits.deadline > now) return
      waits.deadline = Infinity
      try {
        waits.onDeadline(now)
      } catch (error) {
        contain(error, waits)
      }
    })
    this.#sweeping = this.#waiting.size > 0
    if (this.#sweeping) this.#schedule()
  }
}
