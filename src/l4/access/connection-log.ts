import type { ConnectionAccessLog, ConnectionField } from '../../config/model/access-log-model.ts'
import { asciiJson } from '../../core/log/json-text.ts'
import { logFile, type LogFile } from '../../core/log/log-file.ts'
import type { LogLevel } from '../../core/log/log.ts'
import type { L4Deps } from '../deps.ts'
import type { Passage } from './passage.ts'
import { streamLine } from './stream-line.ts'

type Shown = Exclude<LogLevel, 'silent'>

/** Writes one line per connection or UDP session of a listener that asks for it. */
export class ConnectionLog {
  readonly #config: ConnectionAccessLog
  readonly #deps: L4Deps
  readonly #file: LogFile | undefined

  constructor(config: ConnectionAccessLog, deps: L4Deps) {
    this.#config = config
    this.#deps = deps
    this.#file = config.file === undefined ? undefined : logFile(config.file, config.rotate, config.format)
  }

  /** `level` is that of its end. An end in good order has `debug`; of those the configured share is logged. */
  write(level: Shown, passage: Passage, message: string): void {
    const { sample, format } = this.#config
    if (level === 'debug' && sample < 1 && this.#deps.random() >= sample) return
    const shown = level === 'debug' ? 'info' : level
    const { log, clock } = this.#deps
    if (format === 'stream') {
      const line = streamLine(passage, clock.wall())
      if (this.#file !== undefined) this.#file.write(line)
      else if (log.text !== undefined) log.text(line)
      else log[shown]({ line }, message)
      return
    }
    const fields = this.#chosen(passage)
    if (this.#file === undefined) return log[shown](fields, message)
    const text = asciiJson(JSON.stringify(fields)).slice(1, -1) || `"event":"${passage.event}"`
    const { lines } = this.#file
    lines.end(lines.begin(shown, clock.wall()).text(`,${text}`), message)
  }

  #chosen(passage: Passage): object {
    const { fields } = this.#config
    if (fields === undefined) return passage
    const all: Partial<Record<ConnectionField, unknown>> = passage
    return Object.fromEntries(fields.map((field) => [field, all[field]]))
  }
}

/** Undefined: only failures are logged. Throws where the file cannot be opened. */
export function connectionLog(config: ConnectionAccessLog, deps: L4Deps): ConnectionLog | undefined {
  return config.enabled ? new ConnectionLog(config, deps) : undefined
}
