import { contain } from '../../core/containment.ts'

/** After so many in a minute this thread's state cannot be trusted. */
const MOST = 100
const WINDOW_MS = 60_000

/**
 * Contains errors that no guard of the data path caught, for example a rejected promise: an exception in one place is
 * no reason to close every connection of the thread. When they are too many, `giveUp` is called. Returns a function
 * that undoes it.
 */
export function catchTheRest(giveUp: () => void): () => void {
  let began = 0
  let count = 0
  const caught = (error: unknown): void => {
    contain(error)
    // A plugin's own promises and timers: no exchange was interrupted.
    if (isPlugins(error)) return
    const now = performance.now()
    if (now - began > WINDOW_MS) {
      began = now
      count = 0
    }
    if (++count > MOST) giveUp()
  }
  process.on('uncaughtException', caught)
  return () => void process.off('uncaughtException', caught)
}

/**
 * Recognised by the mark of its modules (config/modules/module-hooks.ts): the innermost frame outside of Node belongs
 * to a plugin.
 */
function isPlugins(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const frames =
    error.stack?.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('node:')) ?? []
  return /\?lb=[0-9a-f]/.test(frames[0] ?? '')
}
