import type { Backend } from '../balancer/pool/backend.ts'
import * as at from '../balancer/table/columns.ts'
import { succeeded, type Outcome } from '../balancer/pool/lease.ts'
import type { OnRelease } from '../balancer/pool/pool.ts'
import { beginSlowStart } from '../balancer/pool/slow-start.ts'
import { BREAKER_STATES, CLOSED, HALF_OPEN, OPEN, type ChangeEvent } from '../balancer/pool/states.ts'
import { lapseTrial } from '../balancer/table/lapse-trial.ts'
import { breakerOf, movedBreaker } from '../balancer/table/table.ts'
import type { BreakerConfig } from '../config/model/model.ts'
import type { Clock } from '../core/clock.ts'
import { canSpare, othersServe } from './spare.ts'

/**
 * Probes say that the backend has returned: an open breaker lets its trial through with the next request, a half-open one
 * another, since the first was sent while the backend was away.
 */
export function trialIsDue(backend: Backend, clock: Clock): void {
  const { table, slot } = backend
  const state = breakerOf(table.int(slot, at.BREAKER))
  if (state === HALF_OPEN) return lapseTrial(table, slot)
  if (state !== OPEN) return
  table.setFloat(slot, at.OPEN_UNTIL, clock.now())
  table.bump(slot)
}

export interface BreakerDeps {
  readonly config: BreakerConfig
  readonly slowStartMs: number
  readonly clock: Clock
  readonly onChange?: (event: ChangeEvent) => void
}

/**
 * The breaker's policy, run at every release in whatever thread: `failures` in a row open it, the one trial that the
 * balancer lets through after `openMs` closes it or opens it for twice as long. It stays closed where the pool cannot
 * spare the backend (`canSpare`). Undefined when it is turned off.
 */
export function breakerPolicy(deps: BreakerDeps): OnRelease | undefined {
  const { config, slowStartMs, clock, onChange } = deps
  if (!config.enabled) return undefined

  const move = (backend: Backend, word: number, to: number, reason: string): boolean => {
    const { table, slot, pool, name } = backend
    const index = slot * at.INTS + at.BREAKER
    if (Atomics.compareExchange(table.ints, index, word, movedBreaker(word, to)) !== word) return false
    Atomics.store(table.ints, slot * at.INTS + at.STREAK, 0)
    table.setFloat(slot, at.BREAKER_SINCE, clock.wall())
    const from = BREAKER_STATES[breakerOf(word)]!
    if (from === 'half-open' && to === CLOSED) beginSlowStart(backend, slowStartMs, clock)
    table.bump(slot)
    onChange?.({ pool, backend: name, axis: 'breaker', from, to: to === OPEN ? 'open' : 'closed', reason })
    return true
  }

  /** The time is stored before the swap: whoever sees the breaker open must not find an older, past time. */
  const open = (backend: Backend, word: number, forMs: number, reason: string): boolean => {
    backend.table.setFloat(backend.slot, at.OPEN_FOR, forMs)
    backend.table.setFloat(backend.slot, at.OPEN_UNTIL, clock.now() + forMs)
    return move(backend, word, OPEN, reason)
  }

  const closed = (backend: Backend, word: number, outcome: Outcome, peers: readonly Backend[]): void => {
    const { table, slot } = backend
    const streak = slot * at.INTS + at.STREAK
    const success = succeeded(outcome)
    if (success === undefined) return
    if (success) {
      if (Atomics.load(table.ints, streak) !== 0) Atomics.store(table.ints, streak, 0)
      return
    }
    const failures = Atomics.add(table.ints, streak, 1) + 1
    // The pool could not spare the backend: it is asked again after as many failures, since looking at a large pool is slow.
    if (failures % config.failures !== 0 || !canSpare(backend, peers, outcome)) return
    if (!open(backend, word, config.openMs, `${failures} failures in a row, the last: ${outcome}`)) return
    // Two threads may each have taken the other's backend for the one that stays.
    if (!othersServe(backend, peers)) move(backend, movedBreaker(word, OPEN), CLOSED, 'no other is left')
  }

  const trial = (backend: Backend, word: number, success: boolean | undefined, outcome: Outcome): void => {
    if (success === undefined) {
      // The trial had no result (its client went away): the next request may be the trial.
      open(backend, word, 0, 'the trial was cancelled')
    } else if (success) {
      move(backend, word, CLOSED, 'the trial succeeded')
    } else {
      const last = backend.table.float(backend.slot, at.OPEN_FOR) || config.openMs
      open(backend, word, Math.min(config.maxOpenMs, 2 * last), `the trial failed: ${outcome}`)
    }
  }

  return (backend, outcome, breakerWord, peers) => {
    const word = backend.table.int(backend.slot, at.BREAKER)
    // The breaker changed state after this lease was given, so the result is out of date.
    if (word !== breakerWord) return
    const state = breakerOf(word)
    if (state === CLOSED) closed(backend, word, outcome, peers)
    else if (state === HALF_OPEN) trial(backend, word, succeeded(outcome), outcome)
  }
}
