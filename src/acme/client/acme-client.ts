import type { Clock } from '../../core/clock.ts'
import type { AccountKey } from './account-key.ts'
import { AcmeError, problemOf } from './acme-error.ts'
import type { Http, HttpAnswer } from './http.ts'
import type { Directory } from './resources.ts'
import { retryAfter } from './retry-after.ts'

export interface AcmeAnswer {
  readonly status: number
  /** Parsed where it is JSON. */
  readonly body: unknown
  readonly text: string
  readonly location: string | undefined
  /** RFC 8288: the URL of the relation `next`. */
  readonly next: string | undefined
  /** Wall clock. */
  readonly retryAt: number | undefined
}

const MAX_NONCES = 32
const MAX_RESTS = 1_000
/** As RFC 9773 §4.3.1 recommends. */
const LONGEST_REST_MS = 86_400_000
/** Some authorities refuse one nonce in twenty as an exercise: eleven in a row are not chance. */
const NONCE_TRIES = 10
const DIRECTORY_FOR_MS = 3_600_000
const MAX_REST_MS = 600_000
/** Longest time to wait for a Retry-After caused by other requests; beyond it the request is given up. */
const MAX_QUIET_MS = 60_000

/**
 * Talks to one authority: signed requests with fresh nonces, and none before the time that the authority has asked for.
 */
export class AcmeClient {
  readonly #http: Http
  readonly #directoryUrl: string
  readonly #clock: Clock
  readonly #nonces: string[] = []
  #directory: { readonly at: number; readonly is: Promise<Directory> } | undefined
  /** Wall clock before which no request is sent. */
  #quietUntil = 0
  /** URL → wall clock before which it is not requested again, from its last answer. */
  readonly #rests = new Map<string, number>()
  /** POST-as-GET under way, by URL. */
  readonly #reading = new Map<string, Promise<AcmeAnswer>>()

  constructor(directoryUrl: string, http: Http, clock: Clock) {
    this.#directoryUrl = directoryUrl
    this.#http = http
    this.#clock = clock
  }

  directory(): Promise<Directory> {
    const now = this.#clock.now()
    if (this.#directory === undefined || now - this.#directory.at > DIRECTORY_FOR_MS) {
      const is = this.#readDirectory()
      this.#directory = { at: now, is }
      is.catch(() => (this.#directory = undefined))
    }
    return this.#directory.is
  }

  /** Unsigned, for ARI and the directory. */
  async get(url: string): Promise<AcmeAnswer> {
    return this.#read(url, await this.#send('GET', url))
  }

  /**
   * `payload` undefined: POST-as-GET (RFC 8555 §6.3), one at a time per URL, since the first may say when the next may
   * come. Rejects with an AcmeError unless it succeeds.
   */
  async post(url: string, payload: unknown, key: AccountKey, kid: string | undefined): Promise<AcmeAnswer> {
    if (payload !== undefined) return this.#post(url, payload, key, kid)
    while (this.#reading.has(url)) await this.#reading.get(url)!.catch(() => {})
    const reading = this.#post(url, payload, key, kid)
    this.#reading.set(url, reading)
    try {
      return await reading
    } finally {
      this.#reading.delete(url)
    }
  }

  async #post(url: string, payload: unknown, key: AccountKey, kid: string | undefined): Promise<AcmeAnswer> {
    for (let tried = 1; ; tried++) {
      const jws = await key.sign(payload, { nonce: await this.#nonce(), url, kid })
      try {
        return this.#read(url, await this.#send('POST', url, JSON.stringify(jws)))
      } catch (error) {
        const again = error instanceof AcmeError && error.type === 'badNonce' && tried < NONCE_TRIES
        if (!again) throw error
      }
    }
  }

  /** What an earlier process has been told of `url`. */
  keepRest(url: string, at: number): void {
    if (at > Math.max(this.#clock.wall(), this.#rests.get(url) ?? 0)) this.#rest(url, at)
  }

  close(): void {
    this.#http.close()
  }

  async #readDirectory(): Promise<Directory> {
    const { body } = await this.get(this.#directoryUrl)
    const directory = body as Partial<Directory> | undefined
    for (const key of ['newNonce', 'newAccount', 'newOrder'] as const) {
      if (typeof directory?.[key] !== 'string' || !URL.canParse(directory[key]))
        throw new AcmeError('unreachable', `${this.#directoryUrl} is not an ACME directory: it has no ${key}`)
    }
    return directory as Directory
  }

  async #nonce(): Promise<string> {
    const known = this.#nonces.pop()
    if (known !== undefined) return known
    const { newNonce } = await this.directory()
    const { headers } = await this.#send('HEAD', newNonce)
    const nonce = one(headers['replay-nonce'])
    if (nonce === undefined) throw new AcmeError('unreachable', `${newNonce} gives no nonce`)
    return nonce
  }

  /** The time is checked last, so that a request being prepared is not sent after the authority has asked to wait. */
  async #send(method: 'GET' | 'HEAD' | 'POST', url: string, body?: string): Promise<HttpAnswer> {
    for (;;) {
      const now = this.#clock.wall()
      const quiet = said(this.#quietUntil, now, MAX_REST_MS)
      const until = Math.max(quiet, said(this.#rests.get(url) ?? 0, now, LONGEST_REST_MS))
      const ms = until - now
      if (ms <= 0) return this.#http.send(method, url, body)
      if (ms > MAX_QUIET_MS)
        throw new AcmeError('rateLimited', 'it has asked for patience (Retry-After)', { retryAt: until })
      await new Promise<void>((resolve) => this.#clock.after(ms, resolve))
    }
  }

  #rest(url: string, retryAt: number | undefined): void {
    this.#rests.delete(url)
    if (retryAt === undefined) return
    const now = this.#clock.wall()
    if (this.#rests.size >= MAX_RESTS) {
      for (const [each, at] of this.#rests) if (at <= now) this.#rests.delete(each)
    }
    if (this.#rests.size < MAX_RESTS) this.#rests.set(url, Math.min(retryAt, now + LONGEST_REST_MS))
  }

  /** A limit often concerns one name, for days: its caller waits as long as demanded, and all others for a while. */
  #restUntil(retryAt: number): void {
    this.#quietUntil = Math.max(this.#quietUntil, Math.min(retryAt, this.#clock.wall() + MAX_REST_MS))
  }

  #read(url: string, { status, headers, body: text }: HttpAnswer): AcmeAnswer {
    const nonce = one(headers['replay-nonce'])
    if (nonce !== undefined && /^[\w-]{1,512}$/.test(nonce) && this.#nonces.length < MAX_NONCES)
      this.#nonces.push(nonce)
    const retryAt = retryAfter(one(headers['retry-after']), this.#clock.wall())
    const body = /json/.test(one(headers['content-type']) ?? '') ? parse(text) : undefined
    if (status < 200 || status > 299) {
      if (retryAt !== undefined && (status === 429 || status === 503)) this.#restUntil(retryAt)
      throw problemOf(status, body, retryAt)
    }
    this.#rest(url, retryAt)
    const next = /<([^>]+)>\s*;\s*rel="next"/.exec([headers['link'] ?? []].flat().join(', '))?.[1]
    return { status, body, text, location: one(headers['location']), next, retryAt }
  }
}

/** A time that is further away than it ever was: the clock has been set back. */
function said(until: number, now: number, longestMs: number): number {
  return until > now + longestMs ? 0 : until
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
