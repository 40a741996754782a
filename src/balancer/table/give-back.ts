import * as at from './columns.ts'
import { HALF_OPEN } from '../pool/states.ts'
import { lapseTrial } from './lapse-trial.ts'
import { breakerOf, type BackendTable } from './table.ts'

/** Counts that a dead thread held, as they were given back. */
export interface GivenBack {
  leases: number
  sockets: number
  waiters: number
}

/**
 * Gives back what `thread` held: leases, sockets, places in queues. Called by the main thread once that thread has
 * ended for sure (its 'exit' event), and before another is started under the same number.
 */
export function giveBack(table: BackendTable, thread: number): GivenBack {
  const given: GivenBack = { leases: 0, sockets: 0, waiters: 0 }
  const touched = new Set<number>()
  lapseTrials(table, thread)
  for (let slot = 0; slot < table.capacity; slot++) {
    const [leases, sockets, starved] = taken(table, thread, slot)
    if (leases === 0 && sockets === 0 && starved === 0) continue
    const pool = table.int(slot, at.POOL)
    Atomics.sub(table.ints, slot * at.INTS + at.ACTIVE, leases)
    Atomics.sub(table.ints, slot * at.INTS + at.SOCKETS, sockets)
    Atomics.sub(table.ints, slot * at.INTS + at.STARVED, starved)
    given.leases += leases
    given.sockets += sockets
    touched.add(pool)
  }
  for (let pool = 0; pool < table.buffers.poolCapacity; pool++) {
    const queue = (thread * table.buffers.poolCapacity + pool) * at.QUEUES
    const counted = table.queues[queue + at.COUNTED]!
    if (counted !== 0) {
      table.queues[queue + at.COUNTED] = 0
      Atomics.sub(table.pools, pool * at.POOL_INTS + at.POOL_ACTIVE, counted)
    }
    const waiters = table.queues[queue + at.LENGTH]!
    if (waiters === 0) continue
    Atomics.store(table.queues, queue + at.HEAD, 0)
    table.queues[queue + at.LENGTH] = 0
    Atomics.sub(table.pools, pool * at.POOL_INTS + at.WAITING, waiters)
    given.waiters += waiters
    touched.add(pool)
  }
  for (const pool of touched) {
    // Loads have changed that no one refreshes: every thread tells its tree all it knows.
    Atomics.add(table.pools, pool * at.POOL_INTS + at.RESETS, 1)
    table.bumpPool(pool)
  }
  return given
}

/**
 * `thread` runs no more but is not dead. Its waiters are passed over: a place that frees would be offered to the oldest of them
 * again and again; they count until `giveBack`. Its half-open trials are replaced: their backends would stay out for a minute.
 */
export function passOver(table: BackendTable, thread: number): void {
  lapseTrials(table, thread)
  const { poolCapacity } = table.buffers
  for (let pool = 0; pool < poolCapacity; pool++) {
    const queue = (thread * poolCapacity + pool) * at.QUEUES
    if (table.queues[queue + at.LENGTH] === 0) continue
    Atomics.store(table.queues, queue + at.HEAD, 0)
  }
}

function lapseTrials(table: BackendTable, thread: number): void {
  for (let slot = 0; slot < table.capacity; slot++) {
    if (breakerOf(table.int(slot, at.BREAKER)) !== HALF_OPEN) continue
    if (table.float(slot, at.TRIAL_BY) === thread) lapseTrial(table, slot)
  }
}

/** What the thread held of a backend, in the order of the columns; it holds nothing any more. */
function taken(table: BackendTable, thread: number, slot: number): [number, number, number] {
  const take = (column: number): number => {
    const index = table.heldIndex(slot, column, thread)
    const held = table.held[index]!
    if (held !== 0) table.held[index] = 0
    return held
  }
  return [take(at.HELD_ACTIVE), take(at.HELD_SOCKETS), take(at.HELD_STARVED)]
}
