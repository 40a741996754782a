import { parentPort } from 'node:worker_threads'
import { verifyPassword } from './verify-password.ts'

/** One question to the thread. */
export interface Question {
  readonly id: number
  readonly password: string
  readonly hash: string
}

export interface Verdict {
  readonly id: number
  readonly right: boolean
}

parentPort?.on('message', ({ id, password, hash }: Question) => {
  let right = false
  try {
    right = verifyPassword(password, hash)
  } catch {
    // A hash with invalid parameters matches no password.
  }
  parentPort!.postMessage({ id, right } satisfies Verdict)
})
