import { definePlugin, mapping } from 'fourseven/plugin'

const { gc } = globalThis as { gc?: () => void }
const parent = process.ppid
const every = Number(process.env['COLLECT_EVERY_MS'] ?? 0)
// In every thread: what C++ holds weakly is gone soon after nobody refers to it.
if (gc !== undefined && every > 0) setInterval(gc, every).unref()
setInterval(() => {
  // Whoever drove the test has died.
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, 1_000).unref()

/** Has the garbage collector run all the time, where lb was started with --expose-gc. */
export default definePlugin({
  name: 'collector',
  before: 'csrf',
  words: 'For tests.',
  keys: mapping({}),
  compile: () => ({ request: () => undefined })
})
