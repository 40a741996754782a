/** A refusal as the API's client gets it: a status and `{"error": {"code", "message"}}`. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: ApiErrorCode
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ApiErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.status = statuses[code]
    this.headers = headers
  }
}

/** Stable: clients branch on these. */
const statuses = {
  'bad-request': 400,
  unauthorized: 401,
  'bad-host': 403,
  'cross-origin': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  timeout: 408,
  conflict: 409,
  'body-too-large': 413,
  'unsupported-media-type': 415,
  'bad-config': 422,
  'too-many-requests': 429,
  internal: 500,
  unavailable: 503
} as const

export type ApiErrorCode = keyof typeof statuses
