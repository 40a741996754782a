import type { CacheRequest } from '../ports.ts'

/** The GET whose stored response the answer to this HEAD renews. */
export function asGet(request: CacheRequest): CacheRequest {
  if (request.method === 'GET') return request
  return { ...request, method: 'GET' }
}
