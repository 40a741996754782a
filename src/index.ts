import type { Config as ValidConfig, LogLevel } from './config/model/model.ts'
import { loadConfig as loadFile, loadObject } from './config/load-config.ts'
import { configFromObject, readYamlConfig, type ConfigResult } from './config/parse-config.ts'
import { ConfigError } from './config/report/config-error.ts'
import type { Config } from './config/schema/root.ts'
import { type HostLogger, LEVELS, loggerTo, writeTo } from './core/log/host-logger.ts'
import { embedded, isValidated, type Lb } from './embed.ts'
import type { Runtime } from './runtime/runtime.ts'
import { start as startRuntime } from './runtime/control/start.ts'
import type { StartOptions as RuntimeOptions } from './runtime/control/start-options.ts'

export type { BackendView, PoolView, ReloadReport } from './admin/control-plane.ts'
export type { Config as ValidConfig } from './config/model/model.ts'
export type { Config } from './config/schema/root.ts'
export type { Problem } from './config/report/problem.ts'
export type { HostLogger } from './core/log/host-logger.ts'
export type { Lb } from './embed.ts'
export type { LbEvents } from './runtime/control/events.ts'
export type { ListenerAddress } from './runtime/plane/listener-addresses.ts'
export * from './plugin.ts'
export { ConfigError } from './config/report/config-error.ts'
export { StartError } from './runtime/control/start-error.ts'

export interface StartOptions {
  /**
   * Where log lines go: a logger (pino's, or one like `console`), or `'stdout'` for lines in the format of the `lb`
   * command. Default: nowhere.
   */
  readonly log?: HostLogger | 'stdout'
  /** Overrides that of the configuration. */
  readonly logLevel?: LogLevel
  /** Reload when the file at `configPath` changes. */
  readonly watch?: boolean
  /** The file for `reload()` and the admin API's reload; without it they are refused. */
  readonly configPath?: string
  /**
   * Ends it: `start` rejects with the reason once it is aborted, and an `lb` that runs stops as by `stop()`.
   */
  readonly signal?: AbortSignal
}

/** Lets the compiler check a configuration; returns it unchanged. */
export function defineConfig(config: Config): Config {
  return config
}

/**
 * Validates an object in the form of the YAML file, with the same words and units (`{ listeners: [{ bind: ':8080',
 * mode: 'l7', pool: 'web' }], pools: … }`), for `start` and `apply`. Throws a ConfigError that lists all problems.
 */
export function configure(config: Config): ValidConfig {
  return valid(configFromObject(config))
}

/** Reads and validates a YAML file, with `${NAME}` from this process's environment. Throws a ConfigError. */
export function readConfig(path: string): ValidConfig {
  return valid(readYamlConfig(pathOf('readConfig', path), process.env))
}

/** The same for a file that names plugins, or that is a module itself (`lb.config.ts`). */
export async function loadConfig(path: string): Promise<ValidConfig> {
  return valid(await loadFile(pathOf('loadConfig', path), process.env))
}

function pathOf(name: string, path: unknown): string {
  if (typeof path === 'string') return path
  throw new TypeError(`${name} takes the path of a file, not ${kindOf(path)}`)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value
}

/**
 * Starts `lb` in this process. `config` is an object in the form of the YAML file, or a validated configuration.
 * Resolves once every listener is bound; rejects with a ConfigError or a StartError (a TypeError for wrong
 * options), and then nothing runs. It never ends the process, and prints nothing unless asked to.
 */
export async function start(config: Config | ValidConfig, options: StartOptions = {}): Promise<Lb> {
  const runtime = checkedOptions(options)
  const { signal } = runtime
  signal?.throwIfAborted()
  const checked = isValidated(config) ? config : valid(await loadObject(config))
  signal?.throwIfAborted()
  try {
    const running = await startRuntime(checked, runtimeOptions(runtime, checked))
    return signal === undefined ? embedded(running) : await endedBy(signal, running)
  } catch (error) {
    throw refused(error)
  }
}

/** Half a start cannot be taken back, so an abort during one is heeded at its end. */
async function endedBy(signal: AbortSignal, runtime: Runtime): Promise<Lb> {
  if (signal.aborted) {
    await runtime.kill()
    throw signal.reason
  }
  // A promise of nobody that fails would end the host.
  const end = () => void runtime.stop().catch(() => {})
  signal.addEventListener('abort', end, { once: true })
  return embedded(runtime, () => signal.removeEventListener('abort', end))
}

function runtimeOptions({ log, signal: _, ...rest }: StartOptions, config: ValidConfig): RuntimeOptions {
  if (log === 'stdout') return rest
  if (log === undefined) return { ...rest, log: loggerTo(() => {}, 'silent'), logLevel: 'silent' }
  return { ...rest, log: loggerTo(writeTo(log), rest.logLevel ?? config.log.level), forwardLog: true }
}

/** What a thread finds in the configuration when it makes it ready, a plugin's `compile` for one, is an error of that. */
function refused(error: unknown): unknown {
  if (error instanceof ConfigError || (error as { code?: unknown } | null)?.code !== 'LB_CONFIG') return error
  return new ConfigError([{ severity: 'error', path: 'plugins', message: (error as Error).message }])
}

const optionNames = ['log', 'logLevel', 'watch', 'configPath', 'signal']

function checkedOptions(options: StartOptions): StartOptions {
  const plain = typeof options === 'object' && !Array.isArray(options)
  // Null is nothing asked for, too.
  const given = Object(plain ? options : undefined) as StartOptions
  const wrong = plain ? whyNot(given) : `they are an object such as { log: console }, not ${kindOf(options)}`
  if (wrong !== undefined) throw new TypeError(`the options of start: ${wrong}`)
  return given
}

function whyNot(options: StartOptions): string | undefined {
  const { log, logLevel, watch, configPath, signal } = options
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name))
  if (unknown !== undefined) return `there is no "${unknown}"; there are ${optionNames.join(', ')}`
  if (log !== undefined && log !== 'stdout') {
    const methods = Object(log) as Partial<HostLogger>
    const lacks = (['info', 'warn', 'error'] as const).find((name) => typeof methods[name] !== 'function')
    if (lacks !== undefined) return `log is a logger or 'stdout'; what was given has no method ${lacks}`
  }
  if (logLevel !== undefined && !LEVELS.includes(logLevel)) return `logLevel is one of ${LEVELS.join(', ')}`
  if (configPath !== undefined && typeof configPath !== 'string') return 'configPath is the path of a file'
  if (watch !== undefined && typeof watch !== 'boolean') return 'watch is true or false'
  if (signal !== undefined && !(signal instanceof AbortSignal)) return 'signal is an AbortSignal'
  if (watch === true && configPath === undefined) return 'watch needs the configPath that it watches'
  return undefined
}

function valid(result: ConfigResult): ValidConfig {
  if (!result.ok) throw new ConfigError(result.problems)
  return result.config
}
