import type { RateRule } from './rate-rule.ts'

/** What is stored of one key. */
export interface RateState {
  /** token-bucket: when all tokens are back, in units modulo 2^32. Windows: index modulo 256, and the count. */
  state: number
  /** Windows: the count of the window before. */
  previous: number
  /** Sliding window: where the key's windows begin, in 256ths of `perMs`. */
  phase: number
  /** Nothing of it counts any more. */
  fresh: boolean
}

/** What was decided. One object is used again for all requests of a thread. */
export interface Decision {
  allowed: boolean
  /** Whole requests that may follow at once. */
  remaining: number
  /** Until a refused request would pass, in ms. */
  retryMs: number
  /** Until nothing is owed any more, in ms. */
  fullMs: number
}

/** Steps of a window in which its beginning is kept. */
const PHASES = 256
const COUNT_BITS = 24
const COUNT_MASK = (1 << COUNT_BITS) - 1

/** Rewritten by each call: what to store. */
const next: RateState = { state: 0, previous: 0, phase: 0, fresh: false }

/**
 * Whether `cost` more may pass, and what is to be stored then. Pure but for `into`. Token bucket as GCRA: the one number
 * is when the bucket will be full again (ITU-T I.371). Sliding window: the count of this window and that of the one
 * before, by the share of it that the sliding window still covers.
 */
export function decide(
  rule: RateRule,
  entry: RateState,
  cost: number,
  now: number,
  into: Decision,
  force: boolean
): Readonly<RateState> {
  return rule.algorithm === 'token-bucket'
    ? takeTokens(rule, entry, cost, now, into, force)
    : countInWindow(rule, entry, cost, now, into, force)
}

/** What the key has used and not got back, in requests. 0: it may be forgotten. */
export function debtOf(rule: RateRule, entry: RateState, now: number): number {
  if (entry.fresh) return 0
  if (rule.algorithm === 'token-bucket') return owedUnits(rule, entry, now) / rule.unitsPerToken
  const at = windowsUntil(rule, entry, now)
  const index = Math.floor(at)
  return usedInWindow(rule, entry, index, at - index)
}

/**
 * Sliding windows of a key begin with its first request after a pause. Were they those of the clock, what comes at the end of
 * one would count as if it had been spread over all of it, and nearly twice the limit could pass within `perMs`.
 */
export function phaseAt(rule: RateRule, now: number): number {
  const at = now / rule.perMs
  return Math.floor((at - Math.floor(at)) * PHASES)
}

/** The state of a key that begins anew: the window of now, and nothing in it. */
export function emptyState(rule: RateRule, phase: number, now: number): number {
  return (Math.floor(now / rule.perMs - phase / PHASES) & 0xff) << COUNT_BITS
}

function windowsUntil(rule: RateRule, entry: RateState, now: number): number {
  return now / rule.perMs - (rule.algorithm === 'sliding-window' ? entry.phase / PHASES : 0)
}

function owedUnits(rule: RateRule, entry: RateState, now: number): number {
  if (entry.fresh) return 0
  const owed = (entry.state - unitsOf(rule, now)) | 0
  return owed > 0 ? owed : 0
}

function unitsOf(rule: RateRule, now: number): number {
  return (Math.floor(now / rule.unitMs) % 4_294_967_296) | 0
}

function takeTokens(
  rule: RateRule,
  entry: RateState,
  cost: number,
  now: number,
  into: Decision,
  force: boolean
): RateState {
  const { unitsPerToken, unitMs } = rule
  const room = rule.burst * unitsPerToken
  const owed = owedUnits(rule, entry, now)
  // Forced costs may go over the limit by as much again, so that one large response does not bar a client for days.
  const after = force
    ? Math.max(0, Math.min(owed + Math.ceil(cost * unitsPerToken), 2 * room))
    : owed + Math.ceil(cost * unitsPerToken)
  into.allowed = after <= room
  const kept = into.allowed || force ? after : owed
  into.remaining = Math.max(0, Math.floor((room - kept) / unitsPerToken))
  into.retryMs = into.allowed ? 0 : (after - room) * unitMs
  into.fullMs = kept * unitMs
  next.state = (unitsOf(rule, now) + after) | 0
  next.previous = 0
  next.phase = 0
  return next
}

function usedInWindow(rule: RateRule, entry: RateState, index: number, share: number): number {
  if (entry.fresh) return 0
  const behind = (index - (entry.state >>> COUNT_BITS)) & 0xff
  const count = entry.state & COUNT_MASK
  if (rule.algorithm === 'fixed-window') return behind === 0 ? count : 0
  if (behind === 0) return entry.previous * (1 - share) + count
  return behind === 1 ? count * (1 - share) : 0
}

function countInWindow(
  rule: RateRule,
  entry: RateState,
  cost: number,
  now: number,
  into: Decision,
  force: boolean
): RateState {
  const { requests, perMs } = rule
  const at = windowsUntil(rule, entry, now)
  const index = Math.floor(at)
  const share = at - index
  const behind = entry.fresh ? 2 : (index - (entry.state >>> COUNT_BITS)) & 0xff
  const count = behind === 0 ? entry.state & COUNT_MASK : 0
  const sliding = rule.algorithm === 'sliding-window'
  const before = !sliding ? 0 : behind === 0 ? entry.previous : behind === 1 ? entry.state & COUNT_MASK : 0
  const used = before * (1 - share) + count
  const after = Math.max(0, used + cost)
  into.allowed = after <= requests + 1e-9
  const kept = into.allowed || force ? after : used
  into.remaining = Math.max(0, Math.floor(requests - kept + 1e-9))
  into.retryMs = into.allowed ? 0 : waitMs(rule, before, count, cost, share)
  into.fullMs = kept === 0 ? 0 : (sliding ? 2 - share : 1 - share) * perMs
  const stored = Math.max(0, Math.min(count + Math.ceil(cost), COUNT_MASK))
  next.state = ((index & 0xff) << COUNT_BITS) | stored
  next.previous = before
  next.phase = entry.phase
  return next
}

/** Until `cost` passes when nothing else comes, in ms. */
function waitMs(rule: RateRule, before: number, count: number, cost: number, share: number): number {
  const { requests, perMs } = rule
  const rest = 1 - share
  if (rule.algorithm === 'fixed-window') return rest * perMs
  // Within this window, once enough of the one before has slid out.
  const room = requests - count - cost
  if (room >= 0 && before > 0) return Math.max(0, 1 - room / before - share) * perMs
  // In the next one, where this one's count slides out.
  const needed = count === 0 ? 0 : Math.max(0, 1 - (requests - cost) / count)
  return (rest + Math.min(1, needed)) * perMs
}
