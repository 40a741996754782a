import type { WorkerState } from './planes.ts'
import { RestartDelay } from './watch/restart-delay.ts'
import type { WorkerThread } from './worker-thread.ts'

/** The place of a worker: it stays when the worker dies. */
export interface Seat {
  readonly thread: number
  readonly delay: RestartDelay
  worker: WorkerThread | undefined
  /** The worker runs the snapshot in force. */
  joined: boolean
  /** Its event loop does not run. */
  stuck: boolean
  restarts: number
  timer: NodeJS.Timeout | undefined
}

export function emptySeat(thread: number): Seat {
  return {
    thread,
    delay: new RestartDelay(),
    worker: undefined,
    joined: false,
    stuck: false,
    restarts: 0,
    timer: undefined
  }
}

export function stateOf({ thread, worker, joined, stuck, restarts, delay }: Seat): WorkerState {
  const state = worker === undefined ? 'waiting' : stuck ? 'stuck' : joined ? 'running' : 'starting'
  return { thread, restarts, ailing: delay.ailing, state }
}
