import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface ReplaceOptions {
  /** Permissions, from the first byte on. */
  readonly mode: number
  readonly owner?: { readonly uid: number; readonly gid: number }
}

/**
 * Puts new content in the place of a file, or makes it. It is written beside, synced and moved there: a process killed at any
 * moment, and a machine that loses its power, leave the old content or the new one, whole.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  { mode, owner }: ReplaceOptions
): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(beside, 'wx', mode)
    try {
      await file.writeFile(content)
      if (owner !== undefined) await file.chown(owner.uid, owner.gid)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** The move itself is on the disk once the folder is. Some systems cannot open one, or sync it: the move is done all the same. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
