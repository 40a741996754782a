import type { Backend } from '../balancer/pool/backend.ts'
import * as at from '../balancer/table/columns.ts'
import type { Outcome } from '../balancer/pool/lease.ts'
import { CLOSED, PROBE_DOWN, READY } from '../balancer/pool/states.ts'
import { breakerOf } from '../balancer/table/table.ts'

/** Of a pool at most this share is out for what it answered: it answers, if badly, and the rest must carry the load. */
const MOST_OUT = 0.5

/**
 * Whether a pool can do without `backend`, whose breaker is about to open after `outcome`.
 *
 * The last one in service stays, whatever it does: nobody would take its traffic, and an open breaker would make an
 * outage of ten seconds out of five failures in a row. Bad statuses say less than a refused connection: they may be the
 * request's fault, or the whole application's. So they open it only while at least half of the others have answered
 * well last, and no more than half of the pool is out.
 */
export function canSpare(backend: Backend, peers: readonly Backend[], outcome: Outcome): boolean {
  // The breaker of a pool with one backend was configured on purpose: it answers at once while the backend cannot be reached.
  if (peers.length === 1) return outcome !== 'bad-status'
  let others = 0
  let content = 0
  for (const peer of peers) {
    if (peer === backend || !inService(peer)) continue
    others++
    if (peer.table.int(peer.slot, at.STREAK) === 0) content++
  }
  if (others === 0) return false
  if (outcome !== 'bad-status') return true
  return 2 * content >= others && peers.length - others <= Math.max(1, peers.length * MOST_OUT)
}

/** Another backend is in service, or the pool has no other. */
export function othersServe(backend: Backend, peers: readonly Backend[]): boolean {
  return peers.length === 1 || peers.some((peer) => peer !== backend && inService(peer))
}

/** Nothing keeps it from being picked, not even a trial that is due. */
function inService({ table, slot }: Backend): boolean {
  return (
    table.int(slot, at.ADMIN) === READY &&
    table.int(slot, at.PROBE) !== PROBE_DOWN &&
    table.int(slot, at.EJECTED) === 0 &&
    breakerOf(table.int(slot, at.BREAKER)) === CLOSED
  )
}
