import type { CacheRequest } from '../ports.ts'

/** The request that renews what a HEAD was answered with. */
export function asGet(request: CacheRequest): CacheRequest {
  if (request.method === 'GET') return request
  return { ...request, method: 'GET' }
}
