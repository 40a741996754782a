import { ConfigError } from './config/report/config-error.ts'
import type { Config } from './config/model/model.ts'
import { configFromObject, loadConfig, type ConfigResult } from './config/parse-config.ts'
import type { Running } from './runtime/control/running.ts'
import { start as startRuntime, type StartOptions } from './runtime/control/start.ts'

export type { ReloadReport } from './admin/control-plane.ts'
export type { Config } from './config/model/model.ts'
export type { Problem } from './config/report/problem.ts'
export type { ListenerAddress } from './runtime/plane/listener-addresses.ts'
export type { Running } from './runtime/control/running.ts'
export type { StartOptions } from './runtime/control/start.ts'
export { ConfigError } from './config/report/config-error.ts'
export { StartError } from './runtime/control/start-error.ts'

/**
 * Validates an object of the shape of the YAML file, with the same words and units (`{ listeners: [{ bind: ':8080',
 * mode: 'l7', pool: 'web' }], pools: … }`), into what `start` and `apply` take. Throws a ConfigError that lists all
 * problems.
 */
export function configure(yaml: object): Config {
  return valid(configFromObject(yaml))
}

/** Reads and validates a YAML file, with `${NAME}` from this process's environment. Throws a ConfigError. */
export function readConfig(path: string): Config {
  return valid(loadConfig(path, process.env))
}

/**
 * Starts `lb` in this process. `config` is a validated configuration, or an object of the shape of the YAML file.
 * Resolves once every listener is bound; rejects with a ConfigError or a StartError, and then nothing runs.
 */
export async function start(config: Config | object, options?: StartOptions): Promise<Running> {
  return startRuntime(isValidated(config) ? config : configure(config), options)
}

/** Made by configure or readConfig: the only ones whose shutdown is there and counted in milliseconds. */
function isValidated(config: Config | object): config is Config {
  return 'shutdown' in config && Reflect.get(Object(config.shutdown), 'graceMs') !== undefined
}

function valid(result: ConfigResult): Config {
  if (!result.ok) throw new ConfigError(result.problems)
  return result.config
}
