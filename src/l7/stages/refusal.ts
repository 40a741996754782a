import type { ErrorCode } from '../../core/errors.ts'

/** Why a guard refuses a request. */
export interface Refusal {
  readonly code: ErrorCode
  /** Default: that of the code. */
  readonly status?: number
  /** For the log and `lb explain`, never for the client. */
  readonly reason: string
  /** For the client, behind the phrase of the code. */
  readonly detail?: string
  /** Additional lines of the answer: "WWW-Authenticate: …\r\n", "Retry-After: …\r\n". */
  readonly fields?: string
  /** Additional members of the JSON answer. */
  readonly members?: Readonly<Record<string, unknown>>
}
