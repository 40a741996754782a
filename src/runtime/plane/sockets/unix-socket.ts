import { rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'

const ANSWER_WITHIN_MS = 1_000

/** Somebody listens on this socket file. */
export function connectsTo(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    // A thread that stood still finds its timer before the answer, which came long ago: that is read first.
    socket.setTimeout(ANSWER_WITHIN_MS, () => setTimeout(() => setImmediate(finish, true), 1))
    socket.once('connect', () => finish(true))
    // EAGAIN: its queue of connections is full, so it has one.
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code === 'EAGAIN'))
  })
}

/** A process that was killed leaves its file behind, and bind(2) refuses it for ever. Anything else is left alone. */
export function removeStaleSocket(path: string): void {
  try {
    if (statSync(path).isSocket()) rmSync(path)
  } catch {
    // Nothing there.
  }
}
