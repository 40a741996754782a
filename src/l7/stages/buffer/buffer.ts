import { HeldBody } from '../../exchange/held-body.ts'
import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { HeaderBlock } from '../../message/header-block.ts'
import type { Response } from '../../message/response.ts'
import type { Explanation, Stage } from '../stage.ts'
import { GO_ON, WAITS, type Verdict } from '../verdict.ts'
import type { BufferKeys } from './keys.ts'

/** The listener's own limits end a client that stops sending; this one is a bound for those that do not. */
const MAX_WAIT_MS = 3_600_000

/** Holds a request until its body is complete, or longer than the buffer. */
class Buffering implements Stage {
  readonly name = 'buffer'
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  request(exchange: Exchange): Verdict {
    if (!this.#holds(exchange)) return GO_ON
    const { expectContinue } = exchange.request
    const wait = exchange.wait(MAX_WAIT_MS, () => GO_ON)
    exchange.holdBody(new HeldBody(this.#most, () => wait.resume(() => GO_ON)))
    exchange.setRequestField('Expect', undefined)
    // No backend can send the 100 (Continue) yet.
    if (expectContinue) {
      exchange.onInterim(CONTINUE)
      exchange.flush()
    }
    exchange.startBody()
    return WAITS
  }

  /** An event stream never ends. */
  #holds({ request: { bodyLength, upgrade }, isStream }: Exchange): boolean {
    return bodyLength !== 0 && upgrade === '' && bodyLength <= this.#most && !isStream
  }

  explain(exchange: DryExchange): Explanation {
    if (!this.#holds(exchange)) return { verdict: GO_ON }
    exchange.setRequestField('Expect', undefined)
    return { verdict: GO_ON, notes: [`buffer: waits for the body first, up to ${this.#most} bytes`] }
  }
}

const CONTINUE: Response = {
  status: 100,
  reason: 'Continue',
  headers: new HeaderBlock(''),
  bodyLength: 0,
  upgrade: '',
  seen: 0
}

export function compile({ request }: BufferKeys): Stage {
  return new Buffering(request)
}
