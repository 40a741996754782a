import type { CacheRequest } from './ports.ts'

/** The request that renews what a HEAD was answered with. */
export function asGet(request: CacheRequest): CacheRequest {
  if (request.method === 'GET') return request
  const { scheme, host, path, rawPath, query, headers } = request
  return { method: 'GET', scheme, host, path, ...(rawPath === undefined ? {} : { rawPath }), query, headers }
}
