import { stat } from 'node:fs/promises'
import type { Clock } from '../../../core/clock.ts'

/** A new certificate is to be in use within a second: a look, another one soon after it, and the change itself. */
const LOOK_EVERY_MS = 200
/** After a change: what is being written changes from look to look. */
const LOOK_AGAIN_MS = 100
/** So long for each file at least: 1,000 are looked at once a second, which takes 2 % of a core. */
const PER_FILE_MS = 1
/** What could not be taken is tried again: a certificate's time comes, a mistake with the rights of its key is mended. */
const TRY_AGAIN_MS = 30_000

/**
 * Calls `onChange` once the content of one of `paths()` may have changed and all have been quiet for a look, and again every ten seconds
 * while it rejects. It asks stat(2) five times a second instead of inotify: that also sees a symlink somewhere in the
 * path being swapped (how Kubernetes replaces a ConfigMap), works on network and overlay file systems, and misses no
 * event; a stat costs about 15 µs.
 */
export function watchFiles(
  paths: () => readonly string[],
  clock: Clock,
  onChange: () => Promise<boolean>
): () => void {
  let stopped = false
  let cancel = () => {}
  let inForce: string | undefined
  let last: string | undefined
  let refusedAt: number | undefined

  const tell = (): void => {
    refusedAt = undefined
    void onChange().then((taken) => {
      if (!taken) refusedAt = clock.now()
    })
  }
  const look = async (): Promise<void> => {
    const looked = paths()
    const seen = await signatures(looked)
    if (stopped) return
    inForce ??= seen
    // A file that is gone is on its way to be replaced.
    const changed = seen !== undefined && seen !== inForce
    if (changed && seen === last) {
      inForce = seen
      tell()
    } else if (!changed && refusedAt !== undefined && clock.now() - refusedAt >= TRY_AGAIN_MS) tell()
    const settles = changed && seen !== last
    last = seen
    const pause = settles ? LOOK_AGAIN_MS : Math.max(LOOK_EVERY_MS, looked.length * PER_FILE_MS)
    cancel = clock.after(pause, () => void look())
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
    // The time of the change of its rights as well: what could not be read before may be readable now.
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch {
    return undefined
  }
}
