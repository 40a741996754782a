import type { Answer } from '../auth-method.ts'

const MAX_ANSWERS = 10_000

/** Answers that let in, for a short time. A full cache forgets the oldest. */
export class AnswerCache {
  readonly #answers = new Map<string, { readonly answer: Answer; readonly until: number }>()
  readonly #ttlMs: number

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs
  }

  get on(): boolean {
    return this.#ttlMs > 0
  }

  get(key: string, now: number): Answer | undefined {
    const entry = this.#answers.get(key)
    if (entry === undefined) return undefined
    if (now < entry.until) return entry.answer
    this.#answers.delete(key)
    return undefined
  }

  put(key: string, answer: Answer, now: number): void {
    if (this.#answers.size >= MAX_ANSWERS) this.#answers.delete(this.#answers.keys().next().value!)
    this.#answers.set(key, { answer, until: now + this.#ttlMs })
  }
}
