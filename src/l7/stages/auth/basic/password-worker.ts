import { parentPort } from 'node:worker_threads'
import { verifyPassword } from './verify-password.ts'

/** What a thread is asked, one after the other. */
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
    // A hash with parameters that do not fit is nobody's password.
  }
  parentPort!.postMessage({ id, right } satisfies Verdict)
})
