import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../../../core/clock.ts'
import type { Question, Verdict } from './password-worker.ts'
import { verifyPassword } from './verify-password.ts'

/** After so long without a question the thread ends. */
const IDLE_MS = 30_000

type Done = (right: boolean | undefined) => void

/**
 * Hashes passwords on a thread of its own, one after the other: a bcrypt of 70 ms holds up no request but its own. The
 * thread is there while there is something to do.
 */
export class PasswordThread {
  readonly #max: number
  readonly #clock: Clock
  readonly #waiting = new Map<number, Done>()
  #worker: Worker | undefined
  #next = 0
  #stopIdle: (() => void) | undefined

  constructor(max: number, clock: Clock) {
    this.#max = max
    this.#clock = clock
  }

  /** So many wait that another one would wait too long. */
  get full(): boolean {
    return this.#waiting.size >= this.#max
  }

  /** `done`: whether it is the right one, undefined where nobody could tell. */
  verify(password: string, hash: string, done: Done): void {
    const id = this.#next++
    this.#waiting.set(id, done)
    this.#stopIdle?.()
    const worker = (this.#worker ??= this.#start())
    if (worker !== undefined) worker.postMessage({ id, password, hash } satisfies Question)
    // Bundled into one file there is nothing to start a thread from.
    else setImmediate(() => this.#answer({ id, right: verifyPassword(password, hash) }))
  }

  #start(): Worker | undefined {
    const here = import.meta.url as string | undefined
    if (here === undefined) return undefined
    const file = new URL(`./password-worker.${here.endsWith('.ts') ? 'ts' : 'js'}`, here)
    if (!existsSync(file)) return undefined
    const worker = new Worker(file, { name: 'lb-passwords' })
    worker.unref()
    worker.on('message', (verdict: Verdict) => this.#answer(verdict))
    worker.on('error', () => {})
    worker.on('exit', () => this.#gone(worker))
    return worker
  }

  #answer({ id, right }: Verdict): void {
    const done = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) {
      this.#stopIdle?.()
      this.#stopIdle = this.#clock.after(IDLE_MS, () => {
        if (this.#waiting.size === 0) void this.#worker?.terminate()
      })
    }
    done?.(right)
  }

  #gone(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const done of waiting) done(undefined)
  }
}
