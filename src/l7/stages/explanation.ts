import type { Verdict } from './verdict.ts'

/** A stage's part of `lb explain`. */
export interface Explanation {
  readonly verdict: Verdict
  /** One sentence per thing worth knowing; none when the stage has nothing to say of this request. */
  readonly notes?: readonly string[]
}
