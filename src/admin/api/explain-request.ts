import { isToken } from '../../core/latin1.ts'
import { isIP } from 'node:net'
import { ApiError } from './api-error.ts'
import type { ExplainRequest } from './explanation.ts'
import { refuseUnknown } from './refuse-unknown.ts'

const MAX_TEXT = 16_384
const MAX_FIELDS = 256

/** The body of `POST /api/explain`. */
export function parseExplain(body: Record<string, unknown>): ExplainRequest {
  refuseUnknown(body, ['method', 'url', 'headers', 'client', 'listener', 'http2', 'response'])
  const method = body.method === undefined ? 'GET' : text('method', body.method)
  if (method.length > 32 || !isToken(method)) throw bad('method must be a token of at most 32 characters')
  const url = text('url', body.url)
  if (!/^(https?|tcp|udp):\/\/[^/?#\s]+[^#\s]*$/i.test(url) || /[^\x21-\x7e]/.test(url))
    throw bad(
      'url must be a whole URL without spaces or a fragment: https://example.com/path, or tcp://host:port, udp://host:port'
    )
  const client = body.client === undefined ? '127.0.0.1' : text('client', body.client)
  if (isIP(client) === 0) throw bad('client must be an IP address')
  const listener = body.listener === undefined ? undefined : text('listener', body.listener)
  if (body.http2 !== undefined && typeof body.http2 !== 'boolean') throw bad('http2 must be true or false')
  const response = body.response === undefined ? undefined : parseResponse(body.response)
  return {
    method,
    url,
    headers: parseFields('headers', body.headers),
    client,
    ...(listener === undefined ? {} : { listener }),
    ...(body.http2 === true ? { http2: true } : {}),
    ...(response === undefined ? {} : { response })
  }
}

function parseResponse(value: unknown): NonNullable<ExplainRequest['response']> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad('response must be an object with status and headers')
  const body = value as Record<string, unknown>
  refuseUnknown(body, ['status', 'headers'])
  const status = body.status ?? 200
  if (!Number.isInteger(status) || (status as number) < 200 || (status as number) > 599)
    throw bad('response.status must be a whole number from 200 to 599')
  return { status: status as number, headers: parseFields('response.headers', body.headers) }
}

/** Lines as in a message, since a name may be repeated. */
function parseFields(key: string, value: unknown): (readonly [string, string])[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > MAX_FIELDS)
    throw bad(`${key} must be a list of at most ${MAX_FIELDS} lines: ["Accept-Language: de"]`)
  return value.map((line: unknown) => {
    const match = typeof line === 'string' ? /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/s.exec(line) : null
    if (match === null || match[0].length > MAX_TEXT || /[^\t\x20-\x7e\x80-\xff]/.test(match[0]))
      throw bad(`${key} must hold lines like "Accept-Language: de"`)
    return [match[1]!, match[2]!] as const
  })
}

function text(key: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT)
    throw bad(`${key} must be a string of 1 to ${MAX_TEXT} characters`)
  return value
}

function bad(message: string): ApiError {
  return new ApiError('bad-request', message)
}
