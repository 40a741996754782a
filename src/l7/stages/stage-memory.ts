import { own } from '../../core/own.ts'
import type { L7ListenerConfig, RouteConfig } from '../../config/model/model.ts'

/** Memory of a stage that all threads share: made in the main thread, sent to the workers as it is. */
export interface StageMemory<Keys = never> {
  /** `threads` counts the main thread too, whose number is 0. */
  allocate(keys: Keys, threads: number): unknown
  /** Gives back what a thread that has died held in it. Main thread only. */
  release?(memory: never, thread: number): void
}

/**
 * Names the memory of one stage. A route that has the listener's keys shares the listener's memory: a limit on a listener is one
 * limit for all of its routes.
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
