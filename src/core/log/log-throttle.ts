import type { Clock } from '../clock.ts'
import type { Deadlines, Waits } from '../deadlines.ts'
import type { Logger, LogLevel } from './log.ts'

/** Lines of one kind that are written per second: enough to see what happens, too few to fill a disk. */
const LINES_PER_SECOND = 10
const WINDOW_MS = 1_000

type Level = Exclude<LogLevel, 'silent'>

interface Kind {
  readonly level: Level
  readonly fields: object
  began: number
  lines: number
  suppressed: number
}

/**
 * Lines that others can make us write (every refused connection is one) at a bounded rate: ten a second of each kind; those
 * left out are counted, and one line says how many once the second is over. At level debug all of them are written.
 */
export class LogThrottle implements Waits {
  deadline = Infinity
  readonly #log: Logger
  readonly #clock: Clock
  readonly #deadlines: Deadlines
  readonly #kinds = new Map<string, Kind>()

  constructor(log: Logger, clock: Clock, deadlines: Deadlines) {
    this.#log = log
    this.#clock = clock
    this.#deadlines = deadlines
  }

  /** False: the line is left out. `kind` is one of few; `common` are the fields that all lines of it share. */
  allows(kind: string, level: Level, common: object): boolean {
    if (this.#log.level === 'debug' || this.#log.level === 'trace') return true
    // Not the sweep's time, which stands still while nobody waits.
    const now = this.#clock.now()
    let state = this.#kinds.get(kind)
    if (state === undefined) {
      state = { level, fields: common, began: now, lines: 0, suppressed: 0 }
      this.#kinds.set(kind, state)
    } else if (now - state.began >= WINDOW_MS && state.suppressed === 0) {
      state.began = now
      state.lines = 0
    }
    if (state.lines < LINES_PER_SECOND) {
      state.lines++
      return true
    }
    state.suppressed++
    if (this.deadline === Infinity) {
      this.#deadlines.add(this)
      this.deadline = now + WINDOW_MS
    }
    return false
  }

  onDeadline(): void {
    this.#deadlines.remove(this)
    for (const state of this.#kinds.values()) {
      if (state.suppressed === 0) continue
      const { level, fields, suppressed } = state
      state.suppressed = 0
      this.#log[level]({ ...fields, suppressed }, 'more like these, not logged one by one')
    }
  }
}
