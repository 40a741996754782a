import type { Deadlines } from '../../core/deadlines.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import { HandshakeTurns } from './server/handshake-turns.ts'
import type { TicketKeys } from './ticket-keys.ts'

/** What the TLS of all listeners of one thread shares. */
export interface TlsThread {
  readonly deadlines: Deadlines
  readonly metrics: Metrics
  readonly ticketKeys: TicketKeys
  readonly turns: HandshakeTurns
}

export function tlsThread(deadlines: Deadlines, metrics: Metrics, ticketKeys: TicketKeys): TlsThread {
  return { deadlines, metrics, ticketKeys, turns: new HandshakeTurns() }
}
