import { messageOf } from '../../../../core/errors.ts'
import { bareRecord, own } from '../../../../core/own.ts'
import { hash } from 'node:crypto'
import type { Clock } from '../../../../core/clock.ts'
import type { PathPolicy } from '../../../../config/model/model.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import { normalisePath } from '../../../uri/normalise-path.ts'
import { clientScheme } from '../../../headers/client-scheme.ts'
import type { Answer, AuthMethod } from '../auth-method.ts'
import type { MethodContext } from '../method-context.ts'
import { Authority } from '../asking/authority.ts'
import { Remembered } from '../asking/remembered.ts'
import { answerOf, unavailable } from './asked-answer.ts'
import type { ForwardInput } from './keys.ts'

const MAX_ANSWERS = 10_000
/** Whether a client can be sent to a login: services answer 401 in place of a redirect without them. */
const TELLING = ['accept', 'x-requested-with'] as const

/**
 * An external service decides: each request is described to a URL, whose answer accepts it or is passed to the client.
 */
export class ForwardAuth implements AuthMethod {
  readonly name = 'forward'
  readonly fields: readonly string[]
  readonly #input: ForwardInput
  readonly #authority: Authority
  readonly #known = new Remembered<Answer>(MAX_ANSWERS)
  readonly #clock: Clock
  readonly #realm: string

  constructor(input: ForwardInput, { clock, realm }: MethodContext) {
    const { url, identity, roles, responseHeaders } = input
    this.#input = input
    this.#authority = new Authority(url, { connections: input.connections, timeoutMs: input.timeout })
    this.#clock = clock
    this.#realm = realm
    this.fields = [identity, roles, ...responseHeaders]
      .filter((name) => name !== undefined)
      .map((name) => name.toLowerCase())
  }

  check(exchange: Exchange): Answer {
    const fields = this.#described(exchange)
    const { cache } = this.#input
    const key = cache > 0 ? this.#keyOf(fields) : ''
    const known = key === '' ? undefined : this.#known.get(key, this.#clock.now())
    if (known !== undefined) return known
    if (this.#authority.busy) return unavailable('too many requests wait for forward-auth')
    return {
      kind: 'pending',
      asks: this.#input.url,
      timeoutMs: this.#input.timeout,
      start: (done) => {
        const abort = new AbortController()
        void this.#ask(fields, abort.signal).then((answer) => {
          // A cookie is for the one request that it was given to, and with it goes the session that the answer was for.
          if (key !== '' && answer.kind === 'proven' && answer.responseLines === undefined)
            this.#known.put(key, answer, this.#clock.now() + cache)
          done(answer)
        })
        return () => abort.abort()
      }
    }
  }

  /** The fields that describe the request. */
  #described(exchange: Exchange): Record<string, string> {
    const { authority, request, host, forwardPath, query, clientIp } = exchange
    const fields = bareRecord<string>()
    for (const name of TELLING) {
      const value = request.headers.get(name)
      if (value !== undefined) fields[name] = value
    }
    for (const name of this.#input.requestHeaders) {
      const value = request.headers.get(name.toLowerCase())
      if (value !== undefined) fields[name.toLowerCase()] = value
    }
    fields['x-forwarded-method'] = request.method
    fields['x-forwarded-proto'] = clientScheme(exchange)
    // A target in absolute form names another host than the field may: what is decided about is what was routed.
    fields['x-forwarded-host'] = (authority ?? request.host) || host
    const path = toldPath(forwardPath)
    fields['x-forwarded-uri'] = query === undefined ? path : `${path}?${query}`
    if (clientIp !== '') fields['x-forwarded-for'] = clientIp
    return fields
  }

  /** A digest, so that credentials are not stored. */
  #keyOf(fields: Readonly<Record<string, string>>): string {
    const { cacheBy, requestHeaders } = this.#input
    const all = cacheBy === 'request'
    const told = all ? fields : requestHeaders.map((name) => own(fields, name.toLowerCase()) ?? null)
    return hash('sha256', JSON.stringify(told), 'base64')
  }

  async #ask(headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    try {
      return answerOf(await this.#authority.ask({ method: 'GET', headers }, signal), this.#input)
    } catch (error) {
      return unavailable(`forward-auth: ${messageOf(error)}`)
    }
  }

  challenge(): string {
    return `Forward realm="${this.#realm}"`
  }

  strip(exchange: Exchange): void {
    // Fields that its answer sets are not credentials of the client.
    for (const name of this.#input.requestHeaders) {
      if (!this.fields.includes(name.toLowerCase())) exchange.setRequestField(name, undefined)
    }
  }
}

/** Nothing is merged or cut that a backend might read as something else. */
const EQUIVALENT: PathPolicy = { encodedSlash: 'keep', mergeSlashes: false, semicolons: 'keep' }

/**
 * What the backend gets, without needless percent-encoding (RFC 3986 §6.2.2.2): a service that looks for `/admin` need not
 * think of `/%61dmin`. `/a//b` and `/a;x` stay, since they are `/a/b` and `/a` to some servers only.
 */
function toldPath(forwardPath: string): string {
  return normalisePath(forwardPath, EQUIVALENT) ?? forwardPath
}
