import { appendFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { definePlugin, mapping } from 'fourseven/plugin'

const { gc } = globalThis as { gc?: () => void }
const parent = process.ppid
const every = Number(process.env['COLLECT_EVERY_MS'] ?? 0)
// In every thread: what C++ holds weakly is gone soon after nobody refers to it.
if (gc !== undefined && every > 0) setInterval(gc, every).unref()
// Where the memory of a thread is: what JavaScript has, what C++ has for it, and what libuv has open.
const report = process.env['MEMORY_REPORT']
if (report !== undefined)
  setInterval(() => {
    const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
    const mb = [rss, heapUsed, external, arrayBuffers].map((bytes) => (bytes / 1e6).toFixed(1))
    const resources = process.getActiveResourcesInfo()
    appendFileSync(report, `${threadId} ${Date.now()} ${mb.join(' ')} ${resources.length}\n`)
  }, 5_000).unref()
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
