import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../../core/log/log.ts'
import { ApiError } from './api-error.ts'
import type { ApiErrorCode } from './api-error.ts'
import { ControlError } from '../control-plane.ts'
import type { ControlPlane } from '../control-plane.ts'
import { endpoints } from './endpoints.ts'
import type { Answer, Endpoint } from './endpoints.ts'
import { authorise, mayRead } from '../authorise.ts'
import type { AdminAccess } from '../authorise.ts'

/** Answers one request to the admin listener. Never rejects. */
export async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  plane: ControlPlane,
  options: AdminAccess,
  log: Logger
): Promise<void> {
  const client = request.socket.remoteAddress ?? 'unix'
  try {
    const answer = await dispatch(request, plane, options)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      log.info({ client, method: request.method, path: pathOf(request) }, 'admin call')
    }
    send(request, response, answer)
  } catch (caught) {
    const error = asApiError(caught)
    if (error.code === 'internal') log.error({ err: caught, path: pathOf(request) }, 'admin call failed')
    else if (error.status === 401 || error.status === 403) {
      log.warn({ client, path: pathOf(request), reason: error.code }, 'admin call refused')
    }
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
    send(request, response, {
      status: error.status,
      body: { error: { code: error.code, message: error.message } }
    })
  }
}

async function dispatch(
  request: IncomingMessage,
  plane: ControlPlane,
  options: AdminAccess
): Promise<Answer> {
  const { pathname, searchParams } = parseTarget(request)
  const found = findEndpoint(pathname)
  const changes = request.method !== 'GET' && request.method !== 'HEAD'
  // Before 404 and 405, so that unauthorised callers learn nothing about the paths.
  if (found?.endpoint.open !== true) authorise(request, changes, options)
  if (found === undefined) throw new ApiError('not-found', 'no such path; see /api/openapi.yaml')

  const { endpoint, params } = found
  const run = changes ? (isPost(request.method) ? endpoint.post : undefined) : endpoint.get
  if (run === undefined) {
    const allow = [endpoint.get && 'GET, HEAD', endpoint.post && 'POST, PATCH'].filter(Boolean).join(', ')
    throw new ApiError('method-not-allowed', `${request.method} is not for this path; ${allow} is`, {
      Allow: allow
    })
  }
  return run({ plane, request, query: searchParams, params, knows: mayRead(request, options) })
}

function isPost(method: string | undefined): boolean {
  return method === 'POST' || method === 'PATCH'
}

function parseTarget(request: IncomingMessage): URL {
  const target = request.url ?? '/'
  if (!target.startsWith('/') || !URL.canParse(`http://lb${target}`)) {
    throw new ApiError('bad-request', 'the request target must be a path')
  }
  return new URL(`http://lb${target}`)
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0]!.slice(0, 256)
}

/** A backend's name may contain any character (`unix:/run/x.sock`), so segments are decoded one by one. */
function findEndpoint(pathname: string): { endpoint: Endpoint; params: string[] } | undefined {
  const segments = pathname.split('/')
  for (const endpoint of endpoints) {
    const pattern = endpoint.path.split('/')
    if (pattern.length !== segments.length) continue
    const params: string[] = []
    const matches = pattern.every((part, index) => {
      if (!part.startsWith(':')) return part === segments[index]
      return params.push(decode(segments[index]!)) > 0
    })
    if (matches) return { endpoint, params }
  }
  return undefined
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new ApiError('bad-request', 'bad percent-encoding in the path')
  }
}

const controlCodes = {
  'not-found': 'not-found',
  conflict: 'conflict',
  unavailable: 'unavailable'
} satisfies Record<ControlError['code'], ApiErrorCode>

function asApiError(caught: unknown): ApiError {
  if (caught instanceof ApiError) return caught
  if (caught instanceof ControlError) return new ApiError(controlCodes[caught.code], caught.message)
  // Internal errors are only in the log.
  return new ApiError('internal', 'internal error; see the log')
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  const { status = 200, body, type } = answer
  const text = type === undefined ? `${JSON.stringify(body)}\n` : String(body)
  // An unread body would be taken for the next request.
  if (hasBody(request) && !request.complete) response.setHeader('Connection', 'close')
  response.writeHead(status, {
    'Content-Type': type ?? 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff'
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}
