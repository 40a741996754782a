import type { RequestLimits } from '../../../config/model/model.ts'
import type { ErrorCode } from '../../../core/errors.ts'
import type { Request } from '../../message/request.ts'

/**
 * Which limit of the route a request's head exceeds, or undefined. The length of a chunked body is counted as it comes.
 */
export function beyondLimits(
  request: Request,
  limits: RequestLimits
): { readonly code: ErrorCode; readonly reason: string } | undefined {
  const { methods, bodyBytes, contentTypes, urlBytes, headBytes, headerCount } = limits
  // The parser has enforced the listener's limits; those of a route may be lower.
  if (request.target.length > urlBytes) {
    return { code: 'LB_URL_TOO_LONG', reason: 'target longer than limits.urlBytes' }
  }
  if (request.headers.text.length > headBytes || request.headers.size > headerCount) {
    return { code: 'LB_HEAD_TOO_LARGE', reason: 'head above limits.headBytes or limits.headerCount' }
  }
  if (methods !== undefined && !methods.includes(request.method)) {
    return { code: 'LB_METHOD', reason: `${request.method} is not in limits.methods` }
  }
  if (bodyBytes !== undefined && request.bodyLength > bodyBytes) {
    return { code: 'LB_BODY_TOO_LARGE', reason: 'Content-Length above limits.bodyBytes' }
  }
  if (contentTypes !== undefined && request.bodyLength !== 0) {
    const type = mediaType(request.headers.first('content-type') ?? '')
    if (!contentTypes.some((allowed) => covers(allowed, type))) {
      return { code: 'LB_MEDIA_TYPE', reason: 'Content-Type is not in limits.contentTypes' }
    }
  }
  return undefined
}

/** Type without parameters, lower case (RFC 9110 §8.3.1). */
function mediaType(value: string): string {
  const semicolon = value.indexOf(';')
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase()
}

/** `text/*` covers every text type. */
function covers(allowed: string, type: string): boolean {
  const lower = allowed.toLowerCase()
  return lower.endsWith('/*') ? type.startsWith(lower.slice(0, -1)) : lower === type || lower === '*/*'
}
