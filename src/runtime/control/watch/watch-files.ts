import { stat } from 'node:fs/promises'
import type { Clock } from '../../../core/clock.ts'

/** A new certificate is to be in use within a second: two looks and the change itself. */
const LOOK_EVERY_MS = 250
/** So long for each file at least: 1,000 are looked at every two seconds, which costs the same. */
const PER_FILE_MS = 2

/**
 * Calls `onChange` once the content of one of `paths()` may have changed and all have been quiet for a look. It asks stat(2) four times a second
 * instead of inotify: that also sees a symlink somewhere in the path being swapped (how Kubernetes replaces a
 * ConfigMap), works on network and overlay file systems, and misses no event; a stat costs about 5 µs.
 */
export function watchFiles(paths: () => readonly string[], clock: Clock, onChange: () => void): () => void {
  let stopped = false
  let cancel = () => {}
  let inForce: string | undefined
  let last: string | undefined

  const look = async (): Promise<void> => {
    const looked = paths()
    const seen = await signatures(looked)
    if (stopped) return
    inForce ??= seen
    // A file that is gone is on its way to be replaced; what is being written changes from look to look.
    if (seen !== undefined && seen !== inForce && seen === last) {
      inForce = seen
      onChange()
    }
    last = seen
    cancel = clock.after(Math.max(LOOK_EVERY_MS, looked.length * PER_FILE_MS), () => void look())
  }
  void look()
  return () => {
    stopped = true
    cancel()
  }
}

/** Undefined while one of them is not there. */
async function signatures(paths: readonly string[]): Promise<string | undefined> {
  const all = await Promise.all(paths.map(signature))
  return all.includes(undefined) ? undefined : all.join('\n')
}

async function signature(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs}`
  } catch {
    return undefined
  }
}
