import { readdirSync, readFileSync } from 'node:fs'
import type { Collector } from './hub.ts'

/** Once: the wall clock may be set while the process runs, and a start that moves is a restart to Prometheus. */
const startedAt = Math.round((Date.now() / 1e3 - process.uptime()) * 1e2) / 1e2

/** The metrics that Prometheus expects of any process, under their usual names. All threads share the process. */
export const collectProcess: Collector = (sample) => {
  const { user, system } = process.cpuUsage()
  sample('process_cpu_seconds_total', {}, (user + system) / 1e6)
  const resident = residentBytes()
  if (resident !== undefined) sample('process_resident_memory_bytes', {}, resident)
  sample('process_start_time_seconds', {}, startedAt)
  const open = openFds()
  if (open !== undefined) sample('process_open_fds', {}, open)
  const max = maxFds()
  if (max !== undefined) sample('process_max_fds', {}, max)
}

/** Reading it opens a file, which fails while all descriptors are in use. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}

/** Linux only. Counting 20,000 descriptors takes about 10 ms of the main thread, which relays nothing. */
function openFds(): number | undefined {
  try {
    // One of them is the directory being read.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}

function maxFds(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
