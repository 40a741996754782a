import { contain } from '../../core/containment.ts'

/** So many within a minute are no accident: this thread's state is not to be trusted. */
const MOST = 100
const WINDOW_MS = 60_000

/**
 * Contains what no guard of the data path caught, a rejected promise for one: an exception in one place is no reason to cut
 * every connection of the thread. Where they come one after the other, `giveUp` is called. Returns how to undo it.
 */
export function catchTheRest(giveUp: () => void): () => void {
  let began = 0
  let count = 0
  const caught = (error: unknown): void => {
    contain(error)
    // A plugin's own promises and timers: nothing of ours was cut short.
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

/** By the mark of its modules (config/modules/module-hooks.ts): the innermost frame that is not Node's is a plugin's. */
function isPlugins(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const frames =
    error.stack?.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('node:')) ?? []
  return /\?lb=[0-9a-f]/.test(frames[0] ?? '')
}
