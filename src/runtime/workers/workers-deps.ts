import type { ChangeEvent } from '../../balancer/pool/states.ts'
import type { Logger } from '../../core/log/log.ts'
import type { MetricsSource } from '../../core/metrics/hub.ts'
import type { WorkerInit } from './messages.ts'

/** What the workers of one process need, and their callbacks. */
export interface WorkersDeps {
  readonly count: number
  readonly heapMb: number
  readonly log: Logger
  /** Without `thread`, which is 1 … count. */
  readonly init: Omit<WorkerInit, 'thread' | 'beats' | 'replaces'>
  readonly metricsSource: () => MetricsSource
  readonly onChange: (event: ChangeEvent) => void
  readonly onWanted: (listener: string, name: string) => void
  /** The thread is gone: nothing may wait for it any more. */
  readonly recover: (thread: number) => void
  /** Releases what it held in shared tables: by now backends know that its connections are closed. */
  readonly giveBack: (thread: number) => void
  /** Another one was replaced. */
  readonly onRestart: () => void
}
