import type { LogLevel } from '../../config/model/model.ts'
import type { Config } from '../../config/model/model.ts'
import { createLogger, type RootLogger } from '../../core/log/log.ts'
import { Runtime } from '../runtime.ts'

export interface StartOptions {
  /** Over the configuration's. */
  readonly logLevel?: LogLevel
  /** Reload when the file at `configPath` changes. */
  readonly watch?: boolean
  /** What `reload()` and the admin API's reload read; left out: they are refused. */
  readonly configPath?: string
  /** For lines of the main thread; workers write to standard output themselves. */
  readonly log?: RootLogger
  /** Workers send their lines to `log` too, which is the logger of the program that embeds lb. */
  readonly forwardLog?: boolean
  /** For tests: lets a worker be told to throw. */
  readonly crashable?: boolean
}

/**
 * Starts with a validated configuration. Resolves once every worker has bound every listener; rejects with a
 * StartError, and leaves nothing behind, when something cannot be had: all or nothing.
 */
export async function start(config: Config, options: StartOptions = {}): Promise<Runtime> {
  const log = options.log ?? createLogger({ level: options.logLevel ?? config.log.level })
  const runtime = new Runtime(config, options, log)
  try {
    await runtime.start()
  } catch (error) {
    await runtime.kill()
    throw error
  }
  return runtime
}
