import { messageOf } from '../../../../core/errors.ts'
import { hash } from 'node:crypto'
import type { Clock } from '../../../../core/clock.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import { Authority } from '../asking/authority.ts'
import { Remembered } from '../asking/remembered.ts'
import type { Answer, AuthMethod, Denied, Proven } from '../auth-method.ts'
import { bearerChallenge, tokenIn } from '../bearer.ts'
import type { MethodContext } from '../method-context.ts'
import { type Judged, judgeAnswer, unavailable } from './judge-answer.ts'
import type { IntrospectionInput } from './keys.ts'

/** RFC 6750 §2.1; the limit of a head bounds the length. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/
const MAX_TOKEN = 16_384
const NOT_A_TOKEN: Denied = { kind: 'denied', reason: 'no token', unknown: true, error: 'invalid_token' }

/** Opaque tokens: their issuer says whether they are active, and whose they are (RFC 7662). */
export class Introspection implements AuthMethod {
  readonly name = 'introspection'
  readonly #input: IntrospectionInput
  readonly #header: string
  readonly #authority: Authority
  /** Until when a token is remembered, in ms since 1970. */
  readonly #active: Remembered<Proven>
  /** One question per token at a time. */
  readonly #asked = new Map<string, Promise<Judged>>()
  readonly #clock: Clock
  readonly #realm: string

  constructor(input: IntrospectionInput, { clock, realm }: MethodContext) {
    const { url, connections, timeout: timeoutMs } = input
    this.#input = input
    this.#header = input.header.toLowerCase()
    this.#authority = new Authority(url, { connections, timeoutMs })
    this.#active = new Remembered(input.cache === 0 ? 0 : input.maxTokens)
    this.#clock = clock
    this.#realm = realm
  }

  check(exchange: Exchange): Answer | undefined {
    const token = tokenIn(exchange.request.headers, this.#header)
    if (token === undefined) return undefined
    if (token.length > MAX_TOKEN || !TOKEN.test(token)) return NOT_A_TOKEN
    const digest = hash('sha256', token, 'base64')
    const known = this.#active.get(digest, this.#clock.wall())
    if (known !== undefined) return known
    if (this.#authority.busy && !this.#asked.has(digest))
      return unavailable('too many tokens wait for introspection').denied
    return {
      kind: 'pending',
      asks: this.#input.url,
      timeoutMs: this.#input.timeout,
      start: (done) => {
        void this.#ask(token, digest).then((judged) =>
          done('proven' in judged ? judged.proven : judged.denied)
        )
        return () => {}
      }
    }
  }

  #ask(token: string, digest: string): Promise<Judged> {
    let asked = this.#asked.get(digest)
    if (asked === undefined) {
      asked = this.#question(token, digest).finally(() => this.#asked.delete(digest))
      this.#asked.set(digest, asked)
    }
    return asked
  }

  async #question(token: string, digest: string): Promise<Judged> {
    const { clientId, clientSecret, clientAuth, cache } = this.#input
    const form = new URLSearchParams({ token, token_type_hint: 'access_token' })
    const headers: Record<string, string> = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded'
    }
    if (clientAuth === 'basic') headers['authorization'] = basicOf(clientId, clientSecret)
    else {
      form.set('client_id', clientId)
      form.set('client_secret', clientSecret)
    }
    // An answer is as old as its question.
    const from = this.#clock.wall()
    try {
      const answer = await this.#authority.ask({ method: 'POST', headers, body: form.toString() })
      const judged = judgeAnswer(answer, this.#input, this.#clock.wall())
      if ('proven' in judged) this.#active.put(digest, judged.proven, Math.min(judged.until, from + cache))
      return judged
    } catch (error) {
      return unavailable(messageOf(error))
    }
  }

  challenge(wrong: Denied | undefined): string {
    return bearerChallenge(this.#realm, wrong)
  }

  strip(exchange: Exchange): void {
    exchange.setRequestField(this.#header, undefined)
  }
}

/** RFC 6749 §2.3.1: both are form-encoded first. */
function basicOf(id: string, secret: string): string {
  const [name, value] = [id, secret].map((part) => new URLSearchParams({ '': part }).toString().slice(1))
  return `Basic ${Buffer.from(`${name}:${value}`).toString('base64')}`
}
