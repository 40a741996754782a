import type { Config } from '../../config/model/model.ts'
import { createLogger } from '../../core/log/log.ts'
import { Runtime } from '../runtime.ts'
import type { StartOptions } from './start-options.ts'

/**
 * Starts with a validated configuration. Resolves once every worker has bound every listener; rejects with a
 * StartError, and cleans up, when anything fails.
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
