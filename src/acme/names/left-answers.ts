import type { Clock } from '../../core/clock.ts'
import { keyOf, type ChallengeAnswer, type Challenges } from '../../net/tls/challenges.ts'
import type { Solver } from '../order/solver.ts'
import type { NameRecord } from '../storage/records.ts'

/** More than can be under way at once, and little of the memory for challenges. */
const MOST = 20
/** By then the authority has validated, and the order has been continued or given up. */
const LEFT_MS = 900_000

interface Left {
  readonly answer: ChallengeAnswer
  readonly cancel: () => void
}

/**
 * What an earlier process has promised the authority to answer. The authority may validate before the order is continued,
 * which takes some requests; without an answer it calls the order invalid, and a new one is needed.
 */
export class LeftAnswers {
  readonly #clock: Clock
  readonly #challenges: Challenges
  /** By name. */
  readonly #left = new Map<string, Left>()

  constructor(clock: Clock, challenges: Challenges) {
    this.#clock = clock
    this.#challenges = challenges
  }

  /** Answered from now on. */
  put({ name, order }: NameRecord): void {
    const answer = order?.answer
    if (answer === undefined || this.#left.has(name) || this.#left.size >= MOST) return
    try {
      this.#challenges.put(answer)
    } catch {
      // The memory is full: its order will put it there.
      return
    }
    this.#left.set(name, { answer, cancel: this.#clock.after(LEFT_MS, () => this.#remove(name)) })
  }

  /** The order goes on with an answer of its own, which may be the same one. */
  takenOverBy(solver: Solver): Solver {
    return (asked, keep) =>
      solver(asked, async (answer) => {
        const left = this.#left.get(asked.name)
        if (left !== undefined && keyOf(left.answer) !== keyOf(answer)) this.#challenges.remove(left.answer)
        left?.cancel()
        this.#left.delete(asked.name)
        await keep(answer)
      })
  }

  close(): void {
    for (const { cancel } of this.#left.values()) cancel()
    this.#left.clear()
  }

  #remove(name: string): void {
    const left = this.#left.get(name)
    if (left !== undefined) this.#challenges.remove(left.answer)
    this.#left.delete(name)
  }
}
