import type { Lease } from '../../balancer/pool/lease.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import type { Waiter } from '../../balancer/queue/waiter.ts'
import type { Contained } from '../../core/containment.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { CompiledPool } from '../compile/l7-snapshot.ts'

/** Receives a lease after a wait in the pool's queue: exactly one of the two methods is called. */
export interface LeaseTaker extends Contained {
  onLease(lease: Lease): void
  onNoLease(code: ErrorCode, reason: string): void
}

/**
 * No backend can serve `taker` now: it waits, or hears why not. Returns the cancellation of the wait, when there is one.
 * `queues`: it may wait for a place; otherwise it waits only for backends that are down.
 */
export function waitForLease(
  { pool, queueSeconds }: CompiledPool,
  context: PickContext,
  queues: boolean,
  taker: LeaseTaker
): Waiter | undefined {
  if (!(queues ? pool.worthWaiting : pool.waitsWhileDown)) {
    taker.onNoLease('LB_NO_BACKEND', 'no healthy backend')
    return undefined
  }
  const since = performance.now()
  const late = (lease: Lease | undefined): void => {
    queueSeconds.observe((performance.now() - since) / 1e3)
    if (lease !== undefined) give(lease, taker)
    else taker.onNoLease('LB_QUEUE_TIMEOUT', 'queue.timeout passed')
  }
  const waiter = pool.enqueue(context, late, taker)
  if (waiter === undefined) taker.onNoLease('LB_QUEUE_FULL', 'queue.max reached')
  return waiter
}

function give(lease: Lease, taker: LeaseTaker): void {
  try {
    taker.onLease(lease)
  } catch (error) {
    // It may have thrown before it held it; giving back twice does nothing.
    lease.release('unused')
    throw error
  }
}
