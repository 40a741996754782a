import type { RateRule } from '../../../shared/rate-rule.ts'

/** A question to the counts that several instances share. */
export interface RateQuestion {
  readonly key: string
  readonly rule: RateRule
  /** Grant at least this much, or nothing. */
  readonly cost: number
  /** Grant this much if possible, and a part of it where little is left. */
  readonly want: number
  /** Counts even beyond the limit; gives back where `cost` is negative. */
  readonly force: boolean
  /** Only in this window of time: tokens given back later would belong to another window. */
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

/** Counts that several instances share, for one thread. */
export interface RemoteRates {
  /** False: do not ask now. */
  readonly usable: boolean
  /** Longest time that a request may wait for them. */
  readonly timeoutMs: number
  /**
   * `done` is called once, never before `ask` returns, and within `withinMs` (default: `timeoutMs`); with undefined
   * when there was no answer.
   */
  ask(question: RateQuestion, done: (grant: RateGrant | undefined) => void, withinMs?: number): void
}
