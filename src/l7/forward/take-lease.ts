import type { Lease } from '../../balancer/pool/lease.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import type { Waiter } from '../../balancer/queue/wait-queue.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { CompiledPool } from '../compile/snapshot.ts'

/** Wants a backend. Exactly one of the two is called, at once or after a wait in the pool's queue. */
export interface LeaseTaker {
  onLease(lease: Lease): void
  onNoLease(code: ErrorCode, reason: string): void
}

/** Picks a backend for `taker`. Returns what cancels the wait, when there is one. `wait`: it may stand in the queue. */
export function takeLease(
  { pool, queueSeconds }: CompiledPool,
  context: PickContext,
  wait: boolean,
  taker: LeaseTaker
): Waiter | undefined {
  const lease = pool.acquire(context)
  if (lease !== undefined) taker.onLease(lease)
  else if (!wait || !pool.saturated) taker.onNoLease('LB_NO_BACKEND', 'no healthy backend')
  else {
    const since = performance.now()
    const waiter = pool.enqueue(context, (late) => {
      queueSeconds.observe((performance.now() - since) / 1e3)
      if (late !== undefined) taker.onLease(late)
      else taker.onNoLease('LB_QUEUE_TIMEOUT', 'queue.timeout passed')
    })
    if (waiter === undefined) taker.onNoLease('LB_QUEUE_FULL', 'queue.max reached')
    return waiter
  }
  return undefined
}
