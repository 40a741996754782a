import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A write takes a moment; a process that was killed within it left its file. */
const OLD_MS = 600_000
const UNFINISHED = /^(.*)\.[0-9a-f]{12,24}\.tmp(?:\.dead)?$/

/**
 * Files that were being written beside others by processes that were killed. They are looked for once: what this process
 * writes later it takes away itself.
 */
export class LeftOvers {
  readonly #folders: readonly string[]
  /** Whether nobody writes a file any more, where it says so itself. */
  readonly #isDead: (path: string) => Promise<boolean>
  #found: Promise<Map<string, readonly string[]>> | undefined

  constructor(folders: readonly string[], isDead: (path: string) => Promise<boolean>) {
    this.#folders = folders
    this.#isDead = isDead
  }

  /** Those of `path`. Whoever has the lock under which it is written knows that nobody else writes it. */
  async clear(path: string): Promise<void> {
    const found = await (this.#found ??= this.#look())
    const files = found.get(path) ?? []
    found.delete(path)
    for (const file of files) await gone(file)
  }

  /** Old ones go at once, whatever they belonged to. */
  async #look(): Promise<Map<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>()
    for (const folder of this.#folders) {
      for (const name of await readdir(folder).catch(() => [])) {
        const of = UNFINISHED.exec(name)?.[1]
        if (of === undefined) continue
        const file = join(folder, name)
        if (await this.#isOver(file)) await gone(file)
        else found.set(join(folder, of), [...(found.get(join(folder, of)) ?? []), file])
      }
    }
    return found
  }

  async #isOver(file: string): Promise<boolean> {
    const facts = await stat(file).catch(() => undefined)
    if (facts !== undefined && Date.now() - facts.mtimeMs > OLD_MS) return true
    return this.#isDead(file).catch(() => false)
  }
}

/** One that cannot be taken away does no harm. */
async function gone(file: string): Promise<void> {
  await rm(file, { force: true }).catch(() => {})
}
