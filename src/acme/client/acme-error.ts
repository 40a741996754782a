/** What an authority says of a request that it does not fulfil (RFC 8555 §6.7), or that it cannot be reached. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError'
  /** `rateLimited`, `badNonce` …: of urn:ietf:params:acme:error. `unreachable` where there was no answer at all. */
  readonly type: string
  readonly status: number
  /** Wall clock before which it is not to be asked again. */
  readonly retryAt: number | undefined

  constructor(
    type: string,
    message: string,
    options: { status?: number; retryAt?: number; cause?: unknown } = {}
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.type = type
    this.status = options.status ?? 0
    this.retryAt = options.retryAt
  }
}

const PREFIX = 'urn:ietf:params:acme:error:'
const MAX_DETAIL = 500

/** From a response of 4xx or 5xx. Its text is the authority's: bounded, and on one line. */
export function problemOf(status: number, body: unknown, retryAt: number | undefined): AcmeError {
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const said = typeof problem['type'] === 'string' ? problem['type'] : ''
  const type = said.startsWith(PREFIX) ? said.slice(PREFIX.length) : 'serverInternal'
  return new AcmeError(type, detailOf(problem) ?? `it answered ${status}`, {
    status,
    ...(retryAt !== undefined && { retryAt })
  })
}

/** The text of a problem document (RFC 9457), which orders and challenges carry too. */
export function detailOf(problem: unknown): string | undefined {
  if (typeof problem !== 'object' || problem === null) return undefined
  const { detail, type, subproblems } = problem as Record<string, unknown>
  const inner = Array.isArray(subproblems)
    ? (subproblems as unknown[]).map(detailOf).find(Boolean)
    : undefined
  const text = typeof detail === 'string' ? detail : typeof type === 'string' ? type : undefined
  if (text === undefined) return inner
  const whole = inner === undefined ? text : `${text}: ${inner}`
  return whole.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, MAX_DETAIL)
}
