import type { Logger, LogLevel } from '../../core/log/log.ts'

type Level = Exclude<LogLevel, 'silent'>

/** The thread's logger, with the plugin's name in every line. */
export function pluginLog(log: Logger, plugin: string): Logger {
  const at =
    (level: Level) =>
    (fields: object, message: string): void =>
      log[level]({ plugin, ...fields }, message)
  return {
    get level() {
      return log.level
    },
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal')
  }
}
