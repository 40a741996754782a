import * as at from '../table/columns.ts'
import type { Outcome } from './lease.ts'
import type { BackendTable } from '../table/table.ts'

/** In this time an estimate that nothing confirms falls to 1/e: a slow backend is asked again, not forgotten. */
export const DECAY_MS = 10_000
/** What a failure without an answer counts for at least: refusing quickly is not being fast. */
const FAILURE_MS = 1_000

/**
 * Peak EWMA (Finagle): rises at once to a slower answer, falls with time. `latencyMs` < 0: there was none.
 * A failure counts for twice the average at least; a bad status no more than that, since it may be one request's
 * fault, and a second is forgotten only after half a minute.
 * Two threads that write at once lose one sample of the two, which an average can bear.
 */
export function observeLatency(
  table: BackendTable,
  slot: number,
  latencyMs: number,
  outcome: Outcome,
  now: number
): void {
  const ewma = slot * at.INTS + at.EWMA
  const row = slot * at.HOT_FLOATS
  const last = table.shorts[ewma]!
  const weight = last === 0 ? 0 : Math.exp((table.hot[row + at.EWMA_AT]! - now) / DECAY_MS)
  const decayed = last * weight
  const least = outcome === 'ok' ? -1 : Math.max(2 * decayed, outcome === 'bad-status' ? 0 : FAILURE_MS)
  const seen = Math.max(latencyMs, least)
  if (seen < 0) return
  // At least 0.001 ms, because ln(0) is -Infinity.
  const value = Math.max(0.001, seen > decayed ? seen : decayed + seen * (1 - weight))
  table.shorts[ewma] = value
  table.hot[row + at.EWMA_AT] = now
  table.hot[row + at.LOG_COST] = Math.log(value) + now / DECAY_MS
}
