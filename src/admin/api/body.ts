import type { IncomingMessage } from 'node:http'
import { ApiError } from './api-error.ts'

/** The largest body that a call needs contains a URL. */
const MAX_BODY_BYTES = 65_536

/** The request's body as a JSON object; `{}` when there is none. The server's requestTimeout limits the time. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_BODY_BYTES) throw new ApiError('body-too-large', `bodies end at ${MAX_BODY_BYTES} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError('bad-request', 'the body ended early')
  }
  if (size === 0) return {}
  const type = request.headers['content-type'] ?? ''
  // Also a protection: a web page cannot send this type to another origin without a preflight, which is refused.
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new ApiError('unsupported-media-type', 'send JSON with Content-Type: application/json')
  }
  let value: unknown
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new ApiError('bad-request', 'the body is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError('bad-request', 'the body must be a JSON object')
  }
  return value as Record<string, unknown>
}
