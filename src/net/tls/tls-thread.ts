import type { Deadlines } from '../../core/deadlines.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import { Challenges } from './challenges.ts'
import { HandshakeTurns } from './server/handshake-turns.ts'
import type { TicketKeys } from './ticket-keys.ts'

/** What all listeners of one thread share for TLS. */
export interface TlsThread {
  readonly deadlines: Deadlines
  readonly metrics: Metrics
  readonly ticketKeys: TicketKeys
  readonly turns: HandshakeTurns
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
  return { deadlines, metrics, ticketKeys, turns: new HandshakeTurns(), challenges, wanted }
}
