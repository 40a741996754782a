import type { Outcome } from '../../../balancer/pool/outcome.ts'
import type { HeaderBlock } from '../../message/header-block.ts'

interface Head {
  readonly status: number
  readonly headers: HeaderBlock
}

/** What the balancer hears of a response. One that asks for patience is load, not a failure (RFC 6585 §4, RFC 9110 §15.6.4). */
export function statusOutcome({ status, headers }: Head, bad: ReadonlySet<number>): Outcome {
  if ((status === 429 || status === 503) && headers.has('retry-after')) return 'loaded'
  return bad.has(status) ? 'bad-status' : 'ok'
}
