import { bareRecord } from '../../../../core/own.ts'
import { hash } from 'node:crypto'
import type { Pool } from 'undici'
import type { Clock } from '../../../../core/clock.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import type { Answer, AuthMethod } from '../auth-method.ts'
import type { MethodContext } from '../method-context.ts'
import { AnswerCache } from './answer-cache.ts'
import { answerOf, type Asked, unavailable } from './asked-answer.ts'
import type { ForwardInput } from './keys.ts'

const MAX_BODY = 65_536

/** Somebody else decides: each request is described to a URL, whose answer lets in, or is the client's. */
export class ForwardAuth implements AuthMethod {
  readonly name = 'forward'
  readonly fields: readonly string[]
  readonly #input: ForwardInput
  readonly #origin: string
  #pool: Pool | undefined
  readonly #path: string
  readonly #cache: AnswerCache
  readonly #clock: Clock
  readonly #realm: string
  #underWay = 0

  constructor(input: ForwardInput, { clock, realm }: MethodContext) {
    const { url, identity, roles, responseHeaders } = input
    this.#input = input
    const { origin, pathname, search } = new URL(url)
    this.#path = pathname + search
    this.#origin = origin
    this.#cache = new AnswerCache(input.cache)
    this.#clock = clock
    this.#realm = realm
    this.fields = [identity, roles, ...responseHeaders]
      .filter((name) => name !== undefined)
      .map((name) => name.toLowerCase())
  }

  check(exchange: Exchange): Answer {
    const fields = this.#described(exchange)
    const key = this.#cache.on ? this.#keyOf(fields) : ''
    const known = key === '' ? undefined : this.#cache.get(key, this.#clock.now())
    if (known !== undefined) return known
    if (this.#underWay >= this.#input.connections * 5)
      return unavailable('too many requests wait for forward-auth')
    return {
      kind: 'pending',
      asks: this.#input.url,
      timeoutMs: this.#input.timeout,
      start: (done) => {
        const abort = new AbortController()
        this.#underWay++
        void this.#ask(fields, abort.signal).then((answer) => {
          this.#underWay--
          if (key !== '' && answer.kind === 'proven') this.#cache.put(key, answer, this.#clock.now())
          done(answer)
        })
        return () => abort.abort()
      }
    }
  }

  /** The request, as it is told. */
  #described(exchange: Exchange): Record<string, string> {
    const { request, scheme, host, path, query, clientIp } = exchange
    const fields = bareRecord<string>()
    for (const name of this.#input.requestHeaders) {
      const value = request.headers.get(name.toLowerCase())
      if (value !== undefined) fields[name.toLowerCase()] = value
    }
    fields['x-forwarded-method'] = request.method
    fields['x-forwarded-proto'] = scheme
    fields['x-forwarded-host'] = request.host || host
    fields['x-forwarded-uri'] = query === undefined ? path : `${path}?${query}`
    if (clientIp !== '') fields['x-forwarded-for'] = clientIp
    return fields
  }

  /** A digest: credentials are not kept. */
  #keyOf(fields: Readonly<Record<string, string>>): string {
    const all = this.#input.cacheBy === 'request'
    const told = Object.entries(fields).filter(([name]) => all || !name.startsWith('x-forwarded-'))
    return hash('sha256', JSON.stringify(told), 'base64')
  }

  async #connections(): Promise<Pool> {
    // Loaded when it is needed: 12 MB in each thread.
    const { Pool } = await import('undici')
    const { connections, timeout } = this.#input
    return (this.#pool ??= new Pool(this.#origin, {
      connections,
      pipelining: 1,
      connect: { timeout },
      headersTimeout: timeout,
      bodyTimeout: timeout
    }))
  }

  async #ask(headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    try {
      const pool = this.#pool ?? (await this.#connections())
      const {
        statusCode: status,
        headers: got,
        body
      } = await pool.request({ path: this.#path, method: 'GET', headers, signal })
      const parts: Buffer[] = []
      let bytes = 0
      for await (const part of body as AsyncIterable<Buffer>) {
        bytes += part.length
        if (bytes > MAX_BODY) return unavailable('the answer of forward-auth is too large')
        parts.push(part)
      }
      const fields = new Map<string, readonly string[]>()
      for (const [name, value] of Object.entries(got)) {
        if (value !== undefined) fields.set(name, Array.isArray(value) ? value : [value])
      }
      return answerOf({ status, fields, body: Buffer.concat(parts) } satisfies Asked, this.#input)
    } catch (error) {
      return unavailable(`forward-auth: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  challenge(): string {
    return `Forward realm="${this.#realm}"`
  }

  strip(exchange: Exchange): void {
    // What its answer sets is no credential of the client.
    for (const name of this.#input.requestHeaders) {
      if (!this.fields.includes(name.toLowerCase())) exchange.setRequestField(name, undefined)
    }
  }
}
