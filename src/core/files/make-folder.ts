import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it that are missing. Rejects with the reason of the system: Node's own `recursive` says
 * ENOENT where the file system is read-only (EROFS).
 */
export async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(await firstMissing(path), { mode })
    throw error
  }
}

/** The highest folder of a path that is not there. */
async function firstMissing(path: string): Promise<string> {
  const above = dirname(path)
  const there = above === path || (await stat(above).catch(() => undefined)) !== undefined
  return there ? path : firstMissing(above)
}
