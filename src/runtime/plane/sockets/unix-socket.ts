import { rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'

const ANSWER_WITHIN_MS = 1_000

/** Whether a process listens on this socket file. */
export function connectsTo(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    // A thread that was blocked may see its timer before an answer that came in time, so the answer is read first.
    socket.setTimeout(ANSWER_WITHIN_MS, () => setTimeout(() => setImmediate(finish, true), 1))
    socket.once('connect', () => finish(true))
    // EAGAIN: its queue of connections is full, so a process listens.
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code === 'EAGAIN'))
  })
}

/** A killed process leaves its file behind, and bind(2) would refuse it for ever. Other files are not removed. */
export function removeStaleSocket(path: string): void {
  try {
    if (statSync(path).isSocket()) rmSync(path)
  } catch {
    // The file does not exist.
  }
}
