/** A request that the authority refused (RFC 8555 §6.7), or an authority that cannot be reached. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError'
  /** `rateLimited`, `badNonce` …: from urn:ietf:params:acme:error. `unreachable` when there was no answer. */
  readonly type: string
  readonly status: number
  /** Wall clock before which it must not be asked again. */
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

/** From a response of 4xx or 5xx. The text comes from the authority: bounded, and on one line. */
export function problemOf(status: number, body: unknown, retryAt: number | undefined): AcmeError {
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const said = typeof problem['type'] === 'string' ? problem['type'] : ''
  const type = said.startsWith(PREFIX) ? said.slice(PREFIX.length) : 'serverInternal'
  return new AcmeError(type, detailOf(problem) ?? `it answered ${status}`, {
    status,
    ...(retryAt !== undefined && { retryAt })
  })
}

/** `dns`, `connection` …: of a problem document. */
export function typeOf(problem: unknown): string | undefined {
  if (typeof problem !== 'object' || problem === null) return undefined
  const { type } = problem as Record<string, unknown>
  return typeof type === 'string' && type.startsWith(PREFIX) ? type.slice(PREFIX.length) : undefined
}

/** The text of a problem document (RFC 9457), also in orders and challenges. */
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
