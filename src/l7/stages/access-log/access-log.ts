import type { AccessLog } from '../../../config/model/model.ts'
import { errorKind } from '../../../core/errors.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { exchangeFields } from './exchange-fields.ts'
import { ExchangeLine } from './exchange-line.ts'

/** Writes one line per exchange, when one is due: asked for, failed on the backend's side, or slow. */
class AccessLogStage implements Stage {
  readonly name = 'access-log'
  readonly #config: AccessLog
  readonly #line: ExchangeLine

  constructor(config: AccessLog, line: ExchangeLine) {
    this.#config = config
    this.#line = line
  }

  done(exchange: Exchange, durationMs: number): void {
    const { context, errorCode } = exchange
    const { slowMs, enabled, sample } = this.#config
    const slow = slowMs !== undefined && durationMs >= slowMs
    const level = errorCode === undefined ? (slow ? 'warn' : 'info') : errorKind(errorCode).level
    const failed = errorCode !== undefined && level !== 'debug'
    const sampled = enabled && (sample >= 1 || context.random() < sample)
    if (!failed && !slow && !sampled) return
    const message = errorCode === undefined ? (slow ? 'slow request' : 'request') : exchange.errorReason
    // Sampled lines of client errors come at info: whoever asked for an access log wants them.
    const shown = level === 'debug' ? 'info' : level
    const { log } = context
    if (log.line === undefined) log[shown](exchangeFields(exchange, durationMs), message)
    else log.line(shown, this.#line.of(exchange, durationMs), message)
  }
}

export function compile(_keys: undefined, { listener, route }: StageContext): Stage {
  return new AccessLogStage(listener.accessLog, new ExchangeLine(listener.name, route?.name))
}
