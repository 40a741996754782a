import type { Deadlines } from '../../core/deadlines.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import { Challenges } from './challenges.ts'
import { HandshakeTurns } from './server/handshake-turns.ts'
import type { TicketKeys } from './ticket-keys.ts'

/** What the TLS of all listeners of one thread shares. */
export interface TlsThread {
  readonly deadlines: Deadlines
  readonly metrics: Metrics
  readonly ticketKeys: TicketKeys
  readonly turns: HandshakeTurns
  readonly challenges: Challenges
  /** A client wants a name that this listener may get a certificate for on demand. */
  readonly wanted: (listener: string, name: string) => void
}

/** `challenges` and `wanted` left out: there is no ACME. */
export function tlsThread(
  deadlines: Deadlines,
  metrics: Metrics,
  ticketKeys: TicketKeys,
  challenges = Challenges.create(false),
  wanted: TlsThread['wanted'] = () => {}
): TlsThread {
  return { deadlines, metrics, ticketKeys, turns: new HandshakeTurns(), challenges, wanted }
}
