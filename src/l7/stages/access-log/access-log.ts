import type { AccessField, AccessLog } from '../../../config/model/access-log-model.ts'
import { type ErrorKind, errorKind } from '../../../core/errors.ts'
import { asciiJson } from '../../../core/log/json-text.ts'
import { logFile, type LogFile } from '../../../core/log/log-file.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { commonLine } from './common-line.ts'
import { exchangeFields } from './exchange-fields.ts'
import { ExchangeLine } from './exchange-line.ts'

/** Writes a line per exchange, if it is sampled, was an error of the backend's side, or was slow. */
class AccessLogStage implements Stage {
  readonly name = 'access-log'
  readonly #config: AccessLog
  readonly #line: ExchangeLine
  readonly #file: LogFile | undefined

  constructor(config: AccessLog, line: ExchangeLine, file: LogFile | undefined) {
    this.#config = config
    this.#line = line
    this.#file = file
  }

  done(exchange: Exchange, durationMs: number): void {
    const { context, errorCode } = exchange
    const { slowMs, enabled, sample } = this.#config
    const slow = slowMs !== undefined && durationMs >= slowMs
    const level = errorCode === undefined ? (slow ? 'warn' : 'info') : errorKind(errorCode).level
    const failed = errorCode !== undefined && level !== 'debug'
    const sampled = enabled && (sample >= 1 || context.random() < sample)
    if (!failed && !slow && !sampled) return
    if (!enabled && !slow && !this.#mayTell(exchange, level)) return
    // Sampled lines of client errors get level info, so that they appear in the access log.
    const shown = level === 'debug' ? 'info' : level
    const message =
      errorCode === undefined ? (slow ? 'slow request' : 'request') : errorKind(errorCode).phrase
    const { format, fields } = this.#config
    const { log } = context
    if (format !== 'json') {
      const line = commonLine(exchange, context.clock.wall(), format === 'combined')
      if (this.#file !== undefined) this.#file.write(line)
      else if (log.text !== undefined) log.text(line)
      else log[shown]({ line }, message)
      return
    }
    const lines = this.#file?.lines ?? log.json
    if (lines === undefined) return log[shown](exchangeFields(exchange, durationMs, fields), message)
    if (!lines.shows(shown)) return
    const line = lines.begin(shown, context.clock.wall())
    if (fields === undefined) this.#line.write(line, exchange, durationMs)
    else line.text(`,${chosenFields(exchange, durationMs, fields)}`)
    lines.end(line, message)
  }

  /** Without an access log, a pool that is down must not fill the disk: a few lines of each code and pool, then their number. */
  #mayTell({ context, snapshot, errorCode, target }: Exchange, level: ErrorKind['level']): boolean {
    const pool = target?.pool.pool.name
    const common = { event: 'request', listener: snapshot.config.name, code: errorCode, pool }
    return context.throttle.allows(`${errorCode} ${pool}`, level, common)
  }
}

function chosenFields(exchange: Exchange, durationMs: number, fields: readonly AccessField[]): string {
  const json = asciiJson(JSON.stringify(exchangeFields(exchange, durationMs, fields)))
  return json.slice(1, -1) || '"event":"request"'
}

export function compile(_keys: undefined, { listener, route, engine }: StageContext): Stage {
  const { file, rotate, format } = listener.accessLog
  const line = new ExchangeLine(listener.name, route?.name)
  const opened = file === undefined || engine.dry ? undefined : logFile(file, rotate, format)
  return new AccessLogStage(listener.accessLog, line, opened)
}
