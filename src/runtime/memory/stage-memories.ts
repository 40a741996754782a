import { own } from '../../core/own.ts'
import type { Config } from '../../config/model/model.ts'
import { order } from '../../l7/stages/order.ts'
import { stageMemoryId, type StageMemory } from '../../l7/stages/stage-memory.ts'

interface Kept {
  /** The keys that it was allocated for, as text. */
  readonly signature: string
  readonly memory: unknown
  readonly by: StageMemory
}

export interface PreparedStageMemories {
  readonly memories: ReadonlyMap<string, unknown>
  commit(): void
}

/** The shared memory of stages, in the main thread. A reload keeps the counts of unchanged stages. */
export class StageMemories {
  readonly #threads: number
  #kept: ReadonlyMap<string, Kept> = new Map()

  constructor(workers: number) {
    this.#threads = workers + 1
  }

  /** In force after `commit`. */
  prepare(config: Config): PreparedStageMemories {
    const kept = new Map<string, Kept>()
    for (const listener of config.listeners) {
      if (listener.mode !== 'l7') continue
      for (const route of listener.routes) {
        for (const { key, memory } of order) {
          const value = key === undefined ? undefined : own(route.stages, key)
          if (key === undefined || memory === undefined || value === undefined) continue
          const id = stageMemoryId(listener, route, key)
          if (kept.has(id)) continue
          const signature = JSON.stringify(value)
          const before = this.#kept.get(id)
          const by = memory as unknown as StageMemory<unknown>
          const same = before?.signature === signature ? before : undefined
          kept.set(id, same ?? { signature, memory: by.allocate(value, this.#threads), by: memory })
        }
      }
    }
    return {
      memories: new Map([...kept].map(([id, { memory }]) => [id, memory])),
      commit: () => {
        this.#kept = kept
      }
    }
  }

  /** Worker thread `thread` runs no more, but has not ended. */
  giveUp(thread: number): void {
    for (const { by, memory } of this.#kept.values()) by.giveUp?.(memory as never, thread)
  }

  /** After worker thread `thread` (1 …) has ended. */
  release(thread: number): void {
    for (const { by, memory } of this.#kept.values()) by.release?.(memory as never, thread)
  }
}
