import { errorKind, type ErrorCode } from '../../core/errors.ts'
import { proxyStatus } from './proxy-status.ts'

/** What the answer to a failed exchange may tell. */
export interface ErrorFacts {
  readonly requestId: string
  /** The Accept field, undefined without one. */
  readonly accept: string | undefined
  /** Seconds, for 503 and 429. */
  readonly retryAfter?: number
  /** Methods, for 405: RFC 9110 §15.5.6 wants them named. */
  readonly allow?: string
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
  const problem = json && acceptsProblem(facts.accept!)
  const body = problem
    ? problemDetails(code, facts)
    : json
      ? JSON.stringify({
          error: { code, message: kind.phrase, requestId: facts.requestId, ...facts.members }
        }) + '\n'
      : `${kind.phrase} (${code})\n`
  const type = problem ? PROBLEM : json ? 'application/json' : 'text/plain; charset=utf-8'
  let fields = `Content-Type: ${type}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n`
  const status = proxyStatus(code)
  if (status !== undefined) fields += `Proxy-Status: ${status}\r\n`
  if (facts.requestId !== '') fields += `X-Request-Id: ${facts.requestId}\r\n`
  if (facts.retryAfter !== undefined) fields += `Retry-After: ${Math.max(1, Math.ceil(facts.retryAfter))}\r\n`
  if (facts.allow !== undefined) fields += `Allow: ${facts.allow}\r\n`
  return { status: kind.status ?? 500, fields, body }
}

const PROBLEM = 'application/problem+json'

/** RFC 9457, for clients that name it in Accept: `type` is about:blank, since the title says what the status does. */
function problemDetails(code: ErrorCode, facts: ErrorFacts): string {
  const { phrase, status = 500 } = errorKind(code) as { phrase: string; status?: number }
  const title = phrase[0]!.toUpperCase() + phrase.slice(1)
  const instance = facts.requestId === '' ? {} : { instance: `urn:request:${facts.requestId}` }
  const members = { code, requestId: facts.requestId, ...facts.members }
  return (
    JSON.stringify({
      type: 'about:blank',
      title,
      status,
      detail: `${phrase} (${code})`,
      ...instance,
      ...members
    }) + '\n'
  )
}

function acceptsProblem(accept: string): boolean {
  return /(?:^|,)\s*application\/problem\+json\s*(?:,|$|;(?!\s*q=0(?:\.0*)?\s*(?:,|$)))/i.test(accept)
}

/** Ranges of Accept that are looked at. */
const MAX_RANGES = 16

/** Whether Accept names a JSON type with a higher weight than any text type (RFC 9110 §12.5.1). `*` states no preference. */
export function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined || !/json/i.test(accept)) return false
  let json = 0
  let text = 0
  for (const range of accept.toLowerCase().split(',', MAX_RANGES)) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const weight = q === undefined ? 1 : Number(q.slice(2)) || 0
    if (type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type))
      json = Math.max(json, weight)
    else if (type.startsWith('text/') || type === 'application/xhtml+xml') text = Math.max(text, weight)
  }
  return json > text
}
