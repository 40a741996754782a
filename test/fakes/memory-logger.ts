import type { Logger, LogLevel } from '../../src/core/log/log.ts'

export interface LoggedLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** A logger that keeps what was logged in `lines`. */
export function memoryLogger(level: LogLevel = 'trace'): Logger & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  const write = (at: LogLevel) => (fields: object, message: string) => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(logger.level)) return
    lines.push({ level: at, message, fields: { ...fields } })
  }
  const logger = {
    level,
    lines,
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal')
  }
  return logger
}
