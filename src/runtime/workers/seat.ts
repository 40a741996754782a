import { MessageChannel } from 'node:worker_threads'
import type { WorkerState } from './planes.ts'
import { RestartDelay } from './watch/restart-delay.ts'
import type { WorkerThread } from './worker-thread.ts'

/** The place of a worker: it stays when the worker dies. */
export interface Seat {
  readonly thread: number
  /** Of its worker in shared tables. */
  row: number
  readonly delay: RestartDelay
  worker: WorkerThread | undefined
  /** The worker runs the snapshot in force. */
  joined: boolean
  /** Its event loop does not run; until the replacement has joined. */
  stuck: boolean
  restarts: number
  timer: NodeJS.Timeout | undefined
}

export function emptySeat(thread: number): Seat {
  return {
    thread,
    row: thread,
    delay: new RestartDelay(),
    worker: undefined,
    joined: false,
    stuck: false,
    restarts: 0,
    timer: undefined
  }
}

export function stateOf({ thread, worker, joined, stuck, restarts, delay }: Seat): WorkerState {
  const state = stuck ? 'stuck' : worker === undefined ? 'waiting' : joined ? 'running' : 'starting'
  return { thread, restarts, ailing: delay.ailing, state }
}

/** Direct channels between its new worker and those of the others. */
export function linkPeers(seat: Seat, worker: WorkerThread, seats: readonly Seat[]): void {
  for (const other of seats) {
    if (other.worker === undefined || other === seat) continue
    const { port1, port2 } = new MessageChannel()
    worker.connect(other.row, port1)
    other.worker.connect(seat.row, port2)
  }
}
