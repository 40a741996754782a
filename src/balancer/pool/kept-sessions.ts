import * as at from '../table/columns.ts'
import type { BackendTable } from '../table/table.ts'

/** Holders are counted over a window that is under way and the one before it. */
export const WINDOW_MS = 300_000
/** Bits of one window: 1,024 tell some 3,000 holders apart within 5 %; from 7,000 on it no longer grows. */
const BITS = (at.SESSION_INTS / 2) * 32

/** A backend's place in the table. */
interface Row {
  readonly table: BackendTable
  readonly slot: number
}

export interface KeptSessions {
  /** For so long clients come back to the draining backend. */
  readonly leftMs: number
  /** Clients that came within the last two windows, as an estimate. */
  readonly holders: number
  readonly watchedMs: number
}

/** `drain` with sessions: clients that hold the backend's sticky cookie still come to it for so long. 0: no longer. */
export function keepSessions({ table, slot }: Row, ms: number, now: number): void {
  table.sessions.fill(0, slot * at.SESSION_INTS, (slot + 1) * at.SESSION_INTS)
  table.setFloat(slot, at.SESSIONS_SINCE, now)
  table.setFloat(slot, at.WINDOW_SINCE, now)
  table.setFloat(slot, at.SESSIONS_UNTIL, ms > 0 ? now + ms : 0)
  table.bump(slot)
}

/** Any thread: a client with this hash has come back to the draining backend. */
export function sawHolder({ table, slot }: Row, hash: number, now: number): void {
  turn(table.floats, table.sessions, slot, now)
  const bit = hash % BITS
  const half = window(table.floats, slot) * (at.SESSION_INTS / 2)
  Atomics.or(table.sessions, slot * at.SESSION_INTS + half + (bit >>> 5), 1 << (bit & 31))
}

/** Undefined: none are kept. */
export function keptSessions({ table, slot }: Row, now: number): KeptSessions | undefined {
  const until = table.float(slot, at.SESSIONS_UNTIL)
  if (until <= now) return undefined
  turn(table.floats, table.sessions, slot, now)
  return {
    leftMs: until - now,
    holders: holders(table.sessions, slot),
    watchedMs: now - table.float(slot, at.SESSIONS_SINCE)
  }
}

/**
 * Begins the next window. Two threads that do so at once may lose a client that is marked at that moment; it is
 * counted again when it next comes.
 */
function turn(floats: Float64Array, sessions: Int32Array, slot: number, now: number): void {
  const place = slot * at.FLOATS + at.WINDOW_SINCE
  const passed = now - floats[place]!
  if (passed < WINDOW_MS) return
  const turns = Math.floor(passed / WINDOW_MS)
  const next = 1 - window(floats, slot)
  floats[place] = floats[place]! + turns * WINDOW_MS
  floats[slot * at.FLOATS + at.WINDOW] = next
  const half = at.SESSION_INTS / 2
  const from = slot * at.SESSION_INTS + (turns > 1 ? 0 : next * half)
  sessions.fill(0, from, from + (turns > 1 ? 2 * half : half))
}

function window(floats: Float64Array, slot: number): 0 | 1 {
  return floats[slot * at.FLOATS + at.WINDOW] === 1 ? 1 : 0
}

/** Linear counting (Whang et al. 1990): n = -m ln(share of bits that are still 0). */
function holders(sessions: Int32Array, slot: number): number {
  const half = at.SESSION_INTS / 2
  const from = slot * at.SESSION_INTS
  let zeros = 0
  for (let i = 0; i < half; i++) {
    let word = ~(sessions[from + i]! | sessions[from + half + i]!)
    for (; word !== 0; word &= word - 1) zeros++
  }
  return Math.round(-BITS * Math.log(Math.max(zeros, 1) / BITS))
}
