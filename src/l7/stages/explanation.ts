import type { Verdict } from './verdict.ts'

/** A stage's part of `lb explain`. */
export interface Explanation {
  readonly verdict: Verdict
  /** One sentence per fact; empty when the stage does nothing with this request. */
  readonly notes?: readonly string[]
}
