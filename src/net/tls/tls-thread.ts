import type { Deadlines } from '../../core/deadlines.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import { Turns } from '../transport/turns.ts'
import { Challenges } from './challenges.ts'
import type { TicketKeys } from './ticket-keys.ts'

/** A handshake takes 0.3 ms (P-256) to 2 ms (RSA 4096): requests under way are delayed by at most this long. */
const TURN_MS = 2

/** What all listeners of one thread share for TLS. */
export interface TlsThread {
  readonly deadlines: Deadlines
  readonly metrics: Metrics
  readonly ticketKeys: TicketKeys
  readonly turns: Turns
  readonly challenges: Challenges
  /** Reports a name that a client requested and that this listener may get a certificate for on demand. */
  readonly wanted: (listener: string, name: string) => void
}

/** `challenges` and `wanted` are absent without ACME. */
export function tlsThread(
  deadlines: Deadlines,
  metrics: Metrics,
  ticketKeys: TicketKeys,
  challenges = Challenges.create(false),
  wanted: TlsThread['wanted'] = () => {}
): TlsThread {
  return { deadlines, metrics, ticketKeys, turns: new Turns(TURN_MS), challenges, wanted }
}
