import { own } from '../../core/own.ts'
import type { L7ListenerConfig, RouteConfig } from '../../config/model/model.ts'

/** Memory of a stage that all threads share: created by the main thread and sent to the workers. */
export interface StageMemory<Keys = never> {
  /** `threads` includes the main thread, whose number is 0. */
  allocate(keys: Keys, threads: number): unknown
  /** A thread that is being ended, but may live for long, takes its turn no more. Main thread only. */
  giveUp?(memory: never, thread: number): void
  /** Releases what a dead thread held in it. Main thread only. */
  release?(memory: never, thread: number): void
}

/**
 * Identifies the memory of one stage. A route that has the listener's keys shares the listener's memory: a limit on a
 * listener is one limit for all of its routes.
 */
export function stageMemoryId(
  listener: L7ListenerConfig,
  route: RouteConfig | undefined,
  key: string
): string {
  const inherited =
    route === undefined ||
    JSON.stringify(own(route.stages, key)) === JSON.stringify(own(listener.stages, key))
  return `${listener.name}\n${inherited ? '' : route.name}\n${key}`
}
