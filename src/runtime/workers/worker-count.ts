import { availableParallelism } from 'node:os'
import type { Config } from '../../config/model/model.ts'
import type { Logger } from '../../core/log/log.ts'
import { workerFile } from './worker-file.ts'
import { hasReusePort } from '../plane/sockets/reuse-port.ts'

/** The most workers; the shared tables have a row for each. */
const MOST = 256

/** The number of worker threads: `auto` is one per core that this process may use; 0 serves in the main thread. */
export function workerCount(config: Config, log: Logger): number {
  const wanted = Math.min(config.workers === 'auto' ? availableParallelism() : config.workers, MOST)
  if (wanted > 0 && workerFile() === undefined) {
    log.warn({}, 'bundled into one file, lb has no file for workers: the main thread serves all')
    return 0
  }
  if (wanted > 1 && !hasReusePort) {
    log.warn({ platform: process.platform }, `no reusePort on ${process.platform}: one worker serves all`)
    return 1
  }
  const unix = config.listeners.filter(({ binds }) => binds.some(({ kind }) => kind === 'unix'))
  if (wanted > 1 && unix.length > 0) {
    const names = unix.map(({ name }) => name)
    log.info({ listeners: names }, `unix sockets are served by one worker: ${names.join(', ')}`)
  }
  return wanted
}
