import { isIP } from 'node:net'
import type { Exchange } from '../exchange/exchange.ts'
import type { Identity } from '../exchange/stage-run.ts'
import { checkField } from '../message/checked-line.ts'

/** Visible ASCII; no "#", and in a path no "?". */
const PATH = /^\/[!"$->@-~]*$/
const QUERY = /^[!"$-~]*$/
const TARGET = /^(?:\*|\/[!"$-~]*)$/
/** No delimiter of a URL. */
const HOST = /^[!$-.0-;=A-Z[\]_a-z~]*$/
const TEXT = /^[\x20-\x7e\x80-\uffff]*$/

/** What a plugin may write of an exchange, as it stands before its hook; what it changes must be fit to be sent. */
export class ExchangeWrites {
  readonly #exchange: Exchange
  readonly #fields: number
  readonly #host: string
  readonly #path: string
  readonly #forwardPath: string
  readonly #query: string | undefined
  readonly #authority: string | undefined
  readonly #hashKey: string | undefined
  readonly #requestId: string
  readonly #clientIp: string
  readonly #target: Exchange['target']
  readonly #identity: Identity | undefined
  readonly #sent: readonly string[]
  readonly #received: string

  constructor(exchange: Exchange) {
    const { request } = exchange
    this.#exchange = exchange
    this.#fields = exchange.requestFields?.length ?? 0
    this.#host = exchange.host
    this.#path = exchange.path
    this.#forwardPath = exchange.forwardPath
    this.#query = exchange.query
    this.#authority = exchange.authority
    this.#hashKey = exchange.hashKey
    this.#requestId = exchange.requestId
    this.#clientIp = exchange.clientIp
    this.#target = exchange.target
    this.#identity = exchange.identity
    this.#sent = [request.method, request.target, request.host]
    this.#received = request.headers.text
  }

  /** Throws at what can go neither to a backend nor into a log, and takes it back: the answer and the log have it too. */
  check(): void {
    try {
      this.#check()
    } catch (error) {
      this.#restore()
      throw error
    }
  }

  #restore(): void {
    const now = this.#exchange
    now.host = this.#host
    now.path = this.#path
    now.forwardPath = this.#forwardPath
    now.query = this.#query
    now.authority = this.#authority
    now.hashKey = this.#hashKey
    now.requestId = this.#requestId
    now.clientIp = this.#clientIp
    now.target = this.#target
    now.identity = this.#identity
    const [method, target, host] = this.#sent
    Object.assign(now.request, { method, target, host })
    if (now.request.headers.text !== this.#received) now.request.headers.text = this.#received
  }

  #check(): void {
    const now = this.#exchange
    checkRequestFields(now, this.#fields)
    if (now.forwardPath !== this.#forwardPath) checkText('forwardPath', now.forwardPath, PATH, PATH_WORDS)
    if (now.path !== this.#path) checkText('path', now.path, PATH, PATH_WORDS)
    if (now.query !== this.#query && now.query !== undefined)
      checkText('query', now.query, QUERY, 'visible ASCII without "#", percent-encoded where it is not')
    if (now.host !== this.#host) checkText('host', now.host, HOST, 'the name of a host')
    if (now.authority !== this.#authority && now.authority !== undefined)
      checkText('authority', now.authority, HOST, 'the name of a host')
    if (now.hashKey !== this.#hashKey && now.hashKey !== undefined && typeof now.hashKey !== 'string')
      throw wrong('hashKey', now.hashKey, 'text')
    if (now.requestId !== this.#requestId) checkText('requestId', now.requestId, /^[!-~]+$/, 'visible ASCII')
    if (now.clientIp !== this.#clientIp && isIP(now.clientIp) === 0)
      throw wrong('clientIp', now.clientIp, 'an IP address')
    if (now.target !== this.#target && !isTarget(now.target))
      throw wrong('target', now.target, 'what pool(name) of the context returns')
    if (now.identity !== this.#identity && now.identity !== undefined) checkIdentity(now.identity)
    this.#checkRequest()
  }

  /** What the client sent stays what it is, but that fields may be taken out. */
  #checkRequest(): void {
    const { method, target, host, headers } = this.#exchange.request
    const names = ['method', 'target', 'host']
    const changed = [method, target, host].findIndex((text, at) => text !== this.#sent[at])
    if (changed !== -1)
      throw new TypeError(`request.${names[changed]} is what the client sent, and cannot be changed`)
    const { text } = headers
    if (text === this.#received) return
    const received = new Set(this.#received.split('\r\n'))
    if (!text.endsWith('\r\n') && text !== '') throw new TypeError(ADDED)
    for (const line of text.split('\r\n')) if (line !== '' && !received.has(line)) throw new TypeError(ADDED)
  }
}

const PATH_WORDS = 'a "/" and visible ASCII without "?" and "#", percent-encoded where it is not'
const ADDED =
  'request.headers is what the client sent: fields may be taken out of it, and setRequestField adds those for a backend'

/** Fields for the backend, from the number `from`. */
export function checkRequestFields(exchange: Exchange, from: number): void {
  const fields = exchange.requestFields
  for (let at = from; at < (fields?.length ?? 0); at++) {
    const [name, value] = fields![at]!
    checkField(name, value)
    if (value !== undefined && name.toLowerCase() === 'host') throw new TypeError(OWN_HOST)
  }
}

export const OWN_HOST =
  'the field host is written by lb: headers.request.set of the route changes it, or exchange.authority'

/** What a backend is asked for, where something was written after its hook had returned. */
export function checkAsked(target: string): void {
  checkText('forwardPath', target, TARGET, PATH_WORDS)
}

function checkText(name: string, value: unknown, form: RegExp, words: string): void {
  if (typeof value !== 'string' || !form.test(value)) throw wrong(name, value, words)
}

function wrong(name: string, value: unknown, words: string): TypeError {
  const written = typeof value === 'string' ? JSON.stringify(value.slice(0, 200)) : typeof value
  return new TypeError(`exchange.${name} must be ${words}, and is ${written}`)
}

function isTarget(value: unknown): boolean {
  const { pool, retry, seconds } = (value ?? {}) as Partial<NonNullable<Exchange['target']>>
  return pool?.pool !== undefined && retry !== undefined && seconds !== undefined
}

function checkIdentity(identity: Identity): void {
  const { name, roles, scopes = [], by } = identity
  const texts: unknown[] = [name, by]
  if (Array.isArray(roles) && Array.isArray(scopes)) {
    texts.push(...(roles as unknown[]), ...(scopes as unknown[]))
    if (texts.every((text) => typeof text === 'string' && TEXT.test(text))) return
  }
  throw wrong('identity', identity, '{ name, roles: [], by } of texts without control characters')
}
