import type { Clock } from '../../core/clock.ts'
import type { Backend } from './backend.ts'
import * as at from '../table/columns.ts'
import { beginSlowStart } from './slow-start.ts'
import { keepSessions } from './kept-sessions.ts'
import { ADMIN_STATES, type AdminState, type ChangeEvent } from './states.ts'

export interface OperatorDeps {
  readonly clock: Clock
  readonly onChange?: (event: ChangeEvent) => void
}

export interface StateOptions {
  readonly slowStartMs?: number
  readonly sessionsMs?: number
  readonly reason?: string
}

/**
 * What an operator says about backends, an axis apart from health. Main thread only. It survives reloads, as the table
 * does; reasons are text and live here.
 */
export class Operator {
  readonly #clock: Clock
  readonly #onChange: ((event: ChangeEvent) => void) | undefined
  readonly #reasons = new Map<number, string>()

  constructor(deps: OperatorDeps) {
    this.#clock = deps.clock
    this.#onChange = deps.onChange
  }

  /**
   * False when it was so already. Coming back to `ready` begins slow start. `sessionsMs`: for so long a draining backend
   * keeps the clients that hold its sticky cookie.
   */
  setState(
    backend: Backend,
    state: AdminState,
    { slowStartMs = 0, sessionsMs = 0, reason = 'operator' }: StateOptions = {}
  ): boolean {
    const from = backend.admin
    keepSessions(backend, state === 'drain' ? sessionsMs : 0, this.#clock.now())
    if (from === state) return false
    const { table, slot } = backend
    if (state === 'ready') beginSlowStart(backend, slowStartMs, this.#clock)
    this.#reasons.set(slot, reason)
    table.setFloat(slot, at.ADMIN_SINCE, this.#clock.wall())
    table.exchange(slot, at.ADMIN, ADMIN_STATES.indexOf(state))
    table.bump(slot)
    this.#tell(backend, 'admin', from, state, reason)
    return true
  }

  /** 1..1000; undefined: back to the configured weight. False when the weight was set already. */
  setWeight(backend: Backend, weight: number | undefined, reason = 'operator'): boolean {
    if (weight !== undefined && (!Number.isInteger(weight) || weight < 1 || weight > 1000)) {
      throw new RangeError(`weight must be a whole number from 1 to 1000, not ${weight}`)
    }
    const from = backend.weight
    if (!backend.table.exchange(backend.slot, at.WEIGHT, weight ?? 0)) return false
    backend.table.bump(backend.slot)
    this.#tell(backend, 'weight', String(from), String(backend.weight), reason)
    return true
  }

  /** The reason that the operator gave with the last change; undefined: none. */
  reason(backend: Backend): string | undefined {
    return this.#reasons.get(backend.slot)
  }

  #tell(backend: Backend, axis: 'admin' | 'weight', from: string, to: string, reason: string): void {
    this.#onChange?.({ pool: backend.pool, backend: backend.name, axis, from, to, reason })
  }
}
