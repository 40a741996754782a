import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../../../core/clock.ts'
import type { Question, Verdict } from './password-worker.ts'
import { verifyPassword } from './verify-password.ts'

/** The thread ends after this time without work. */
const IDLE_MS = 30_000

type Done = (right: boolean | undefined) => void

/**
 * Hashes passwords on a thread of its own, one after the other: a bcrypt of 70 ms delays no other request. The thread
 * exists only while there is work.
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

  /** So many passwords wait that another one would wait too long. */
  get full(): boolean {
    return this.#waiting.size >= this.#max
  }

  /** `done`: whether the password is right, undefined where that could not be found out. */
  verify(password: string, hash: string, done: Done): void {
    const id = this.#next++
    this.#waiting.set(id, done)
    this.#stopIdle?.()
    const worker = (this.#worker ??= this.#start())
    if (worker !== undefined) worker.postMessage({ id, password, hash } satisfies Question)
    // When lb is bundled into one file there is no file to start a thread from.
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
