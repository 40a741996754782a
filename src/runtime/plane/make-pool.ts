import { Pool } from '../../balancer/pool/pool.ts'
import type { ChangeEvent } from '../../balancer/pool/states.ts'
import type { BackendTable } from '../../balancer/table/table.ts'
import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { breakerPolicy } from '../../health/breaker.ts'
import type { PoolPlan } from './plane-snapshot.ts'

export interface PoolDeps {
  readonly table: BackendTable
  readonly clock: Clock
  readonly random: Random
  readonly onChange: (event: ChangeEvent) => void
}

/** A pool with its breaker: the balancer gets the parts of health/ that it needs from here. `before`: the one of its name in force. */
export function makePool(plan: PoolPlan, { table, clock, random, onChange }: PoolDeps, before?: Pool): Pool {
  const { breaker, slowStartMs } = plan.config
  const onRelease = breakerPolicy({ config: breaker, slowStartMs, clock, onChange })
  return new Pool({ ...plan, before, table, clock, random, onChange, ...(onRelease && { onRelease }) })
}
