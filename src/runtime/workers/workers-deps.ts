import type { ChangeEvent } from '../../balancer/pool/states.ts'
import type { Logger } from '../../core/log/log.ts'
import type { MetricsSource } from '../../core/metrics/hub.ts'
import type { WorkerInit } from './messages.ts'
import type { Notice } from './worker-thread.ts'

/** What the workers of one process need, and their callbacks. */
export interface WorkersDeps {
  readonly count: number
  readonly heapMb: number
  readonly log: Logger
  /** Without `thread`, which is 1 … count. */
  readonly init: Omit<WorkerInit, 'thread' | 'row' | 'beats' | 'replaces'>
  readonly metricsSource: () => MetricsSource
  readonly onChange: (event: ChangeEvent) => void
  readonly onWanted: (listener: string, name: string) => void
  /** The thread of this row runs no more, but may still live for long. */
  readonly giveUp: (row: number) => void
  /** The thread is gone: nothing may wait for it any more. */
  readonly recover: (row: number) => void
  /** Releases what it held in shared tables: by now backends know that its connections are closed. */
  readonly giveBack: (row: number) => void
  /** Another one was replaced. */
  readonly onRestart: () => void
}

/** Passes on a notice of a worker. */
export function passOn(deps: WorkersDeps, source: MetricsSource, message: Notice): void {
  if (message.type === 'metrics') source.announce(message.announcement)
  else if (message.type === 'log') deps.log[message.level](message.fields, message.message)
  else if (message.type === 'wanted') deps.onWanted(message.listener, message.name)
  else deps.onChange(message.event)
}
