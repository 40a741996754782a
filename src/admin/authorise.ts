import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { ApiError } from './api/api-error.ts'
import type { WrongTokens } from './wrong-tokens.ts'

export interface AdminAccess {
  readonly token: string | undefined
  /** The bind of this request is local. */
  readonly local: boolean
  /** The host of that bind, if it is a name. */
  readonly host: string | undefined
  /** No browser can open a unix socket, so any Host is accepted there. */
  readonly unix: boolean
  readonly wrongTokens: WrongTokens
}

/**
 * Refuses calls that must not reach an endpoint. Three attackers: someone on the network (the token), a web page in the
 * operator's browser that sends requests here (Origin), and one that makes its own name point here in order to read the
 * answers (Host).
 */
export function authorise(request: IncomingMessage, changes: boolean, options: AdminAccess): void {
  // Off loopback, reading needs the token too, since backends, addresses and the configuration are confidential.
  const needed = options.token !== undefined && (changes || !options.local)
  const named = options.unix || isOwnHost(request.headers.host, options.host)
  // Where no token is needed a wrong one is accepted: a scraper may still send the previous one.
  const authorized = (needed || !named) && bearsToken(request, options)
  // A page that rebinds its name does not know the token, so callers with the token may use any name for this machine.
  if (!authorized && !named) {
    throw new ApiError('bad-host', 'Host must be an IP address, localhost or the name in admin.bind')
  }
  if (changes) refuseForeignOrigin(request)
  if (needed && !authorized) {
    throw new ApiError(
      'unauthorized',
      request.headers.authorization === undefined
        ? 'this call needs the admin token: Authorization: Bearer ...'
        : 'the admin token is wrong',
      { 'WWW-Authenticate': 'Bearer realm="lb admin"' }
    )
  }
}

/** Whether the caller may see names and addresses: on this machine, or with the token. */
export function mayRead(request: IncomingMessage, options: AdminAccess): boolean {
  if (options.local || options.unix) return true
  // Health is answered to everyone, even to an address that is throttled.
  return look(request, options) === true
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? 'unix'
}

function bearsToken(request: IncomingMessage, options: AdminAccess): boolean {
  const found = look(request, options)
  if (typeof found === 'boolean') return found
  throw new ApiError('too-many-requests', 'too many wrong tokens from this address', {
    'Retry-After': String(Math.ceil(found / 1000))
  })
}

/** Whether the request has the token; a number: how long its address has to wait, in ms. */
function look(request: IncomingMessage, { token, wrongTokens }: AdminAccess): boolean | number {
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  if (given === undefined || token === undefined) return false
  const client = addressOf(request)
  const waitMs = wrongTokens.wait(client)
  if (waitMs > 0) return waitMs
  // Digests have equal length, so comparing shows neither where they differ nor how long the token is.
  const right = timingSafeEqual(digest(given), digest(token))
  if (!right) return wrongTokens.wrong(client) || false
  wrongTokens.right(client)
  return true
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** DNS rebinding needs a name; an address in Host cannot have been rebound. */
function isOwnHost(header: string | undefined, own: string | undefined): boolean {
  // HTTP/1.0: no browser sends it.
  if (header === undefined || header === '') return true
  const host = header
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return isIP(host) !== 0 || host === 'localhost' || host === own?.toLowerCase()
}

/** Browsers send the origin of a request that changes something; other clients do not. */
function refuseForeignOrigin(request: IncomingMessage): void {
  const { origin, host } = request.headers
  const site = request.headers['sec-fetch-site']
  const foreign =
    (origin !== undefined && !isOriginOf(origin, host)) ||
    (typeof site === 'string' && site !== 'same-origin' && site !== 'none')
  if (foreign) throw new ApiError('cross-origin', 'requests from other web pages are refused')
}

function isOriginOf(origin: string, host: string | undefined): boolean {
  // `null` (a sandboxed page, a file) is not a URL and so never our origin.
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}
