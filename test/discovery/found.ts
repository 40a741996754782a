import { systemClock } from '../../src/core/clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { BackendConfig } from '../../src/config/model/model.ts'
import type { SourceDeps } from '../../src/discovery/source.ts'

/** Parts of a source that keep what it tells, for tests to wait for. */
export class Found {
  readonly sets: (readonly BackendConfig[])[] = []
  readonly failures: string[] = []
  readonly #log = memoryLogger('warn')
  #wake = () => {}

  get parts(): SourceDeps {
    return {
      clock: systemClock,
      random: seededRandom(1),
      log: this.#log,
      found: (backends) => {
        this.sets.push(backends)
        this.#wake()
      },
      failed: (reason) => {
        this.failures.push(reason)
        this.#wake()
      }
    }
  }

  get warnings(): string[] {
    return this.#log.lines.map(({ message }) => message)
  }

  get names(): string[] {
    return this.sets.at(-1)?.map(({ name }) => name) ?? []
  }

  /** Resolves once `is` holds; throws after half a minute. */
  async until(is: () => boolean): Promise<void> {
    const late = Date.now() + 30_000
    while (!is()) {
      if (Date.now() > late) throw new Error(`not seen: ${JSON.stringify([this.names, this.failures])}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, 50)
      })
    }
  }
}
