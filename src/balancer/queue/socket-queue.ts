import type { Clock } from '../../core/clock.ts'
import { soon } from '../../core/containment.ts'
import { Roster } from '../../core/roster.ts'
import * as at from '../table/columns.ts'
import { NO_LIMIT, type BackendTable } from '../table/table.ts'
import type { Waiter } from './waiter.ts'

// maxConnections counts sockets as the backend does, idle ones too. A thread that holds a lease may find them all taken
// because other threads keep idle ones. It waits here and says so (STARVED): other threads then close an idle one at
// once (`onShed`) and close instead of keeping what comes free (`table.starved`). It never waits long: leases are
// bounded by the same number, so while it waits at least one socket somewhere is idle or about to be.

/** How often a waiting thread checks by itself, in case a signal was lost. */
const TICK_MS = 20

/** A Backend, as far as it is needed here. */
interface Opening {
  readonly table: BackendTable
  readonly slot: number
  tryOpen(): boolean
}

interface SocketWait {
  readonly backend: Opening
  readonly deadline: number
  readonly settle: (opened: boolean) => void
  /** Its position in the line. */
  place: number
}

const byPlace = {
  get: ({ place }: SocketWait) => place,
  set: (wait: SocketWait, at: number) => {
    wait.place = at
  }
}

interface ThreadSockets {
  readonly waiting: Map<number, Roster<SocketWait>>
  readonly shedders: Set<(slot: number) => void>
}

const threads = new WeakMap<BackendTable, ThreadSockets>()

function threadOf(table: BackendTable): ThreadSockets {
  let thread = threads.get(table)
  if (thread === undefined) threads.set(table, (thread = { waiting: new Map(), shedders: new Set() }))
  return thread
}

/**
 * Waits until `backend` may have one more socket, which is then counted as by `tryOpen`. `settle` is called later,
 * never from within: with false once `timeoutMs` has passed.
 */
export function awaitSocket(
  backend: Opening,
  clock: Clock,
  timeoutMs: number,
  settle: (opened: boolean) => void
): Waiter {
  const { table, slot } = backend
  const { waiting } = threadOf(table)
  const wait: SocketWait = { backend, deadline: clock.now() + timeoutMs, settle, place: -1 }
  const line = waiting.get(slot) ?? new Roster(byPlace)
  line.add(wait)
  waiting.set(slot, line)
  table.take(slot, at.STARVED, at.HELD_STARVED, NO_LIMIT)
  shedIdle(table, slot)
  table.signals?.shed(slot)
  let cancelTick: () => void
  const tick = () => {
    cancelTick = clock.after(TICK_MS, () => {
      if (!line.has(wait)) return
      socketFreed(table, slot)
      if (!line.has(wait)) return
      if (clock.now() < wait.deadline) return tick()
      leave(table, slot, wait)
      settle(false)
    })
  }
  tick()
  // A socket may have been closed before we were counted.
  soon(() => socketFreed(table, slot))
  return {
    cancel() {
      cancelTick()
      if (line.has(wait)) leave(table, slot, wait)
    }
  }
}

/** Called by Backend.closed, and by runtime when TableSignals.freed named this thread. */
export function socketFreed(table: BackendTable, slot: number): void {
  const line = threadOf(table).waiting.get(slot)
  if (line === undefined) return signalOther(table, slot)
  line.forEach((wait) => {
    if (!wait.backend.tryOpen()) return false
    leave(table, slot, wait)
    soon(() => wait.settle(true))
    return true
  })
}

/** Called by runtime when TableSignals.shed reached this thread. */
export function shedIdle(table: BackendTable, slot: number): void {
  for (const shed of threadOf(table).shedders) shed(slot)
}

/** `shed` closes one idle socket of the backend at `slot`, if this thread has one. Returns how to undo it. */
export function onShed(table: BackendTable, shed: (slot: number) => void): () => void {
  const { shedders } = threadOf(table)
  shedders.add(shed)
  return () => shedders.delete(shed)
}

function leave(table: BackendTable, slot: number, wait: SocketWait): void {
  const { waiting } = threadOf(table)
  const line = waiting.get(slot)
  if (line === undefined || !line.delete(wait)) return
  if (line.size === 0) waiting.delete(slot)
  table.give(slot, at.STARVED, at.HELD_STARVED)
}

/** No request waits in this thread: signals the next thread that has a waiter. */
function signalOther(table: BackendTable, slot: number): void {
  const { threads: count } = table.buffers
  for (let step = 1; step < count; step++) {
    const thread = (table.thread + step) % count
    if (table.held[table.heldIndex(slot, at.HELD_STARVED, thread)]! <= 0) continue
    table.signals?.freed(thread, slot)
    return
  }
}
