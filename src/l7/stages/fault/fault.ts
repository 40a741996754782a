import type { Random } from '../../../core/random.ts'
import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, WAITS, type Verdict } from '../verdict.ts'
import type { FaultKeys } from './keys.ts'

/** Delays and fails some requests on purpose, at random. */
class Fault implements Stage {
  readonly name = 'fault'
  readonly #keys: FaultKeys
  readonly #random: Random

  constructor(keys: FaultKeys, random: Random) {
    this.#keys = keys
    this.#random = random
  }

  request(exchange: Exchange): Verdict {
    const { delay } = this.#keys
    if (delay === undefined || !this.#chosen(delay.percent)) return this.#abort(exchange)
    exchange.addLogField('fault', `delay ${delay.time} ms`)
    exchange.wait(delay.time, () => this.#abort(exchange))
    return WAITS
  }

  explain(exchange: DryExchange): Explanation {
    const { delay, abort } = this.#keys
    const notes: string[] = []
    if (delay !== undefined) notes.push(`${delay.percent} % wait ${delay.time} ms`)
    if (abort !== undefined) notes.push(`${abort.percent} % get status ${abort.status}`)
    const certain = abort !== undefined && abort.percent >= 100
    return { verdict: certain ? this.#answer(exchange, abort.status) : GO_ON, notes }
  }

  #abort(exchange: Exchange): Verdict {
    const { abort } = this.#keys
    if (abort === undefined || !this.#chosen(abort.percent)) return GO_ON
    exchange.addLogField('fault', `abort ${abort.status}`)
    return this.#answer(exchange, abort.status)
  }

  #answer(exchange: Exchange, status: number): Verdict {
    exchange.refuse({ code: 'LB_FAULT', status, reason: `fault.abort with status ${status}` })
    return ANSWERED
  }

  #chosen(percent: number): boolean {
    return this.#random() * 100 < percent
  }
}

export function compile(keys: FaultKeys, { engine }: StageContext): Stage | undefined {
  return keys.delay === undefined && keys.abort === undefined ? undefined : new Fault(keys, engine.random)
}
