import { errorKind, type ErrorCode } from '../../core/errors.ts'
import { proxyStatus } from './proxy-status.ts'

/** What the answer to a failed exchange may tell. */
export interface ErrorFacts {
  readonly requestId: string
  /** The Accept field, undefined without one. */
  readonly accept: string | undefined
  /** Default: that of the code. */
  readonly status?: number
  /** Seconds, for 503 and 429. */
  readonly retryAfter?: number
  /** Methods, for 405: RFC 9110 §15.5.6 wants them named. */
  readonly allow?: string
  /** What is added to the phrase. */
  readonly detail?: string
  /** More members of the JSON answer. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** An answer that lb makes itself. `fields` leaves out framing, Date and Connection: the engine's own. */
export interface ErrorAnswer {
  readonly status: number
  readonly fields: string
  readonly body: string
}

/**
 * The answer for a code: `phrase (LB_CODE)` as text, or the same as JSON for clients that prefer it. Not to be stored
 * (RFC 9111 allows a 404 to be), not to be sniffed, and the same for everybody: nothing of the request is repeated in it.
 */
export function errorAnswer(code: ErrorCode, facts: ErrorFacts): ErrorAnswer {
  const kind = errorKind(code)
  const json = prefersJson(facts.accept)
  const problem = json && namedWeight(facts.accept, /^application\/problem\+json$/) > 0
  const message = facts.detail === undefined ? kind.phrase : `${kind.phrase}: ${facts.detail}`
  const body = problem
    ? problemDetails(code, message, facts)
    : json
      ? JSON.stringify({
          error: { code, message, requestId: facts.requestId, ...facts.members }
        }) + '\n'
      : `${message} (${code})\n`
  const type = problem ? PROBLEM : json ? 'application/json' : 'text/plain; charset=utf-8'
  let fields = `Content-Type: ${type}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n`
  const proxied = proxyStatus(code)
  if (proxied !== undefined) fields += `Proxy-Status: ${proxied}\r\n`
  if (facts.requestId !== '') fields += `X-Request-Id: ${facts.requestId}\r\n`
  if (facts.retryAfter !== undefined) fields += `Retry-After: ${Math.max(1, Math.ceil(facts.retryAfter))}\r\n`
  if (facts.allow !== undefined) fields += `Allow: ${facts.allow}\r\n`
  return { status: facts.status ?? kind.status ?? 500, fields, body }
}

const PROBLEM = 'application/problem+json'

/** §5.1 of draft-ietf-httpapi-ratelimit-headers-11, the one problem type that is registered for what lb says. */
const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

/** RFC 9457, for clients that name it in Accept: elsewhere `type` is about:blank, since the title says what the status does. */
function problemDetails(code: ErrorCode, message: string, facts: ErrorFacts): string {
  const { phrase, status: usual = 500 } = errorKind(code) as { phrase: string; status?: number }
  const { status = usual } = facts
  const limit = code === 'LB_RATE_LIMIT' ? facts.members?.['limit'] : undefined
  const quota = limit === undefined ? {} : { 'violated-policies': [limit] }
  const title =
    limit === undefined
      ? phrase[0]!.toUpperCase() + phrase.slice(1)
      : 'Request cannot be satisfied as assigned quota has been exceeded'
  const instance = facts.requestId === '' ? {} : { instance: `urn:request:${facts.requestId}` }
  const members = { code, requestId: facts.requestId, ...facts.members }
  return (
    JSON.stringify({
      type: limit === undefined ? 'about:blank' : QUOTA_EXCEEDED,
      title,
      status,
      detail: `${message} (${code})`,
      ...instance,
      ...quota,
      ...members
    }) + '\n'
  )
}

/** Ranges of Accept that are looked at. */
const MAX_RANGES = 16

const JSON_TYPES = /^application\/(?:[\w.-]+\+)?json$/
const TEXT_TYPES = /^(?:text\/.*|application\/xhtml\+xml)$/

/** Whether Accept names a JSON type with a higher weight than any text type (RFC 9110 §12.5.1). `*` states no preference. */
export function prefersJson(accept: string | undefined): boolean {
  return namedWeight(accept, JSON_TYPES) > namedWeight(accept, TEXT_TYPES)
}

/** The highest weight of the types that Accept names; 0: none of them, or none that it wants. */
export function namedWeight(accept: string | undefined, types: RegExp): number {
  let most = 0
  for (const range of accept?.toLowerCase().split(',', MAX_RANGES) ?? []) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (!types.test(type)) continue
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    most = Math.max(most, q === undefined ? 1 : Number(q.slice(2)) || 0)
  }
  return most
}
