import type { ChangeEvent } from '../../balancer/pool/states.ts'
import type { Logger } from '../../core/log/log.ts'
import type { MetricsSource } from '../../core/metrics/hub.ts'
import type { WorkerInit } from './messages.ts'

/** What the workers of one process are made of, and whom they tell. */
export interface WorkersParts {
  readonly count: number
  readonly heapMb: number
  readonly log: Logger
  /** Without `thread`, which is 1 … count. */
  readonly init: Omit<WorkerInit, 'thread' | 'beats' | 'replaces'>
  readonly metricsSource: () => MetricsSource
  readonly onChange: (event: ChangeEvent) => void
  readonly onWanted: (listener: string, name: string) => void
  /** The thread is gone: nobody may go on waiting for it. */
  readonly recover: (thread: number) => void
  /** Whatever it held in shared tables is to be given back: backends have heard by now that its connections are closed. */
  readonly giveBack: (thread: number) => void
  /** One more was replaced. */
  readonly onRestart: () => void
}
