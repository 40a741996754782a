import { stat } from 'node:fs/promises'
import type { Clock } from '../../../core/clock.ts'

/** A new certificate should be in use within a second: a check, another one soon after, and the change itself. */
const LOOK_EVERY_MS = 200
/** Interval after a change: a file that is being written changes between checks. */
const LOOK_AGAIN_MS = 100
/** At least this interval per file: 1,000 files are checked once a second, which takes 2 % of a core. */
const PER_FILE_MS = 1
/** A file that is missing for longer is gone: others change meanwhile. */
const GONE_AFTER_MS = 3_000
/** Interval for retries after a failure: a certificate becomes valid, or the permissions of its key are corrected. */
const TRY_AGAIN_MS = 30_000

/**
 * Calls `onChange` once the content of one of `paths()` may have changed and none has changed since the last check, and
 * again every half a minute while it rejects. It calls stat(2) five times a second instead of using inotify: so it also
 * notices when a symlink in the path is swapped (as Kubernetes replaces a ConfigMap), works on network and overlay file
 * systems, and misses no event; a stat costs about 15 µs.
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
  let missingSince: number | undefined

  const tell = (): void => {
    refusedAt = undefined
    void onChange().then((taken) => {
      if (!taken) refusedAt = clock.now()
    })
  }
  const look = async (): Promise<void> => {
    const looked = paths()
    const all = await Promise.all(looked.map(signature))
    if (stopped) return
    missingSince = all.includes(GONE) ? (missingSince ?? clock.now()) : undefined
    // A missing file is about to be replaced, mostly.
    const replaced = missingSince !== undefined && clock.now() - missingSince < GONE_AFTER_MS
    const seen = replaced ? undefined : all.join('\n')
    inForce ??= seen
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

const GONE = 'gone'

async function signature(path: string): Promise<string> {
  try {
    // Includes the time of changes to permissions: a file that could not be read before may be readable now.
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch {
    return GONE
  }
}
