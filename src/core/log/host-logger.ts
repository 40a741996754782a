import type { Logger, LogLevel } from './log.ts'

type Method = (...rest: never[]) => unknown

/** A logger of the program that embeds lb: pino's or one like it, or one like `console`. */
export interface HostLogger {
  readonly info: Method
  readonly warn: Method
  readonly error: Method
  readonly debug?: Method
  readonly trace?: Method
  readonly fatal?: Method
  /** Loggers like pino have it; they take the fields first. */
  readonly child?: Method
}

export type WriteLine = (level: Exclude<LogLevel, 'silent'>, fields: object, message: string) => void

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** A logger whose lines from its level on go to `write`. */
export function loggerTo(write: WriteLine, level: LogLevel, fixed: object = {}): Logger {
  const at = (own: Exclude<LogLevel, 'silent'>) => (fields: object, message: string) => {
    if (LEVELS.indexOf(own) >= LEVELS.indexOf(logger.level)) write(own, { ...fixed, ...fields }, message)
  }
  const logger: Logger = {
    level,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal')
  }
  return logger
}

/** Writes to a host's logger in the order of arguments that it takes. What it throws is ignored, as a promise that fails. */
export function writeTo(host: HostLogger): WriteLine {
  const fieldsFirst = typeof host.child === 'function'
  return (level, fields, message) => {
    const name = methodOf(host, level, fieldsFirst)
    try {
      const write = host[name] as (...rest: unknown[]) => unknown
      const waits = fieldsFirst ? write.call(host, fields, message) : write.call(host, message, fields)
      if (waits instanceof Promise) waits.catch(() => {})
    } catch {
      // A logger that fails must not end what is being logged.
    }
  }
}

/** `console.trace` prints a stack, and not every logger has every level. */
function methodOf(
  host: HostLogger,
  level: Exclude<LogLevel, 'silent'>,
  fieldsFirst: boolean
): keyof HostLogger {
  if (level === 'fatal') return fieldsFirst && host.fatal !== undefined ? 'fatal' : 'error'
  if (level === 'trace' && fieldsFirst && host.trace !== undefined) return 'trace'
  if (level === 'trace' || level === 'debug') return host.debug === undefined ? 'info' : 'debug'
  return level
}

/** A replacer for JSON: errors have no fields of their own that it would see. */
export function plainError(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : value
}
