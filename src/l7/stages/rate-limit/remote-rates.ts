import type { RateRule } from '../../../shared/rate-rule.ts'

/** What is asked of the counts that several instances share. */
export interface RateQuestion {
  readonly key: string
  readonly rule: RateRule
  /** At least so much, or nothing. */
  readonly cost: number
  /** So much if there is room; a part of it is given where little is left. */
  readonly want: number
  /** Counts whatever the limit says; gives back where `cost` is negative. */
  readonly force: boolean
  /** Only in this window of time: what comes back later would be missing in the next. */
  readonly window: number | undefined
}

export interface RateGrant {
  /** 0: refused. */
  readonly granted: number
  readonly remaining: number
  readonly retryMs: number
  readonly fullMs: number
  readonly window: number
}

/** Counts that several instances share, as one thread reaches them. */
export interface RemoteRates {
  /** False: not to be asked now. */
  readonly usable: boolean
  /** Longest that a request may wait for them. */
  readonly timeoutMs: number
  /** `done` is called once, never before `ask` returns, and within `withinMs` (left out: `timeoutMs`); undefined: no answer. */
  ask(question: RateQuestion, done: (grant: RateGrant | undefined) => void, withinMs?: number): void
}
