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
/** A nonce in twenty is refused for practice by some authorities: eleven in a row are no chance. */
const NONCE_TRIES = 10
const DIRECTORY_FOR_MS = 3_600_000
const MAX_REST_MS = 600_000
/** What is asked again by others meanwhile waits this long at most for a Retry-After; beyond, the request is given up. */
const MAX_QUIET_MS = 60_000

/** Speaks to one authority: signed requests with fresh nonces, and none before the time that it has named. */
export class AcmeClient {
  readonly #http: Http
  readonly #directoryUrl: string
  readonly #clock: Clock
  readonly #nonces: string[] = []
  #directory: { readonly at: number; readonly is: Promise<Directory> } | undefined
  /** Wall clock before which nothing is asked. */
  #quietUntil = 0

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

  /** Without a signature, as ARI and the directory are asked. */
  async get(url: string): Promise<AcmeAnswer> {
    await this.#quiet()
    return this.#read(await this.#http.send('GET', url))
  }

  /** `payload` undefined: POST-as-GET (RFC 8555 §6.3). Rejects with an AcmeError for what is no success. */
  async post(url: string, payload: unknown, key: AccountKey, kid: string | undefined): Promise<AcmeAnswer> {
    for (let tried = 1; ; tried++) {
      await this.#quiet()
      const jws = await key.sign(payload, { nonce: await this.#nonce(), url, kid })
      try {
        return this.#read(await this.#http.send('POST', url, JSON.stringify(jws)))
      } catch (error) {
        const again = error instanceof AcmeError && error.type === 'badNonce' && tried < NONCE_TRIES
        if (!again) throw error
      }
    }
  }

  close(): void {
    this.#http.close()
  }

  async #readDirectory(): Promise<Directory> {
    const { body } = await this.get(this.#directoryUrl)
    const directory = body as Partial<Directory> | undefined
    for (const key of ['newNonce', 'newAccount', 'newOrder'] as const) {
      if (typeof directory?.[key] !== 'string' || !URL.canParse(directory[key]))
        throw new AcmeError('unreachable', `${this.#directoryUrl} is no ACME directory: it has no ${key}`)
    }
    return directory as Directory
  }

  async #nonce(): Promise<string> {
    const known = this.#nonces.pop()
    if (known !== undefined) return known
    const { newNonce } = await this.directory()
    const { headers } = await this.#http.send('HEAD', newNonce)
    const nonce = one(headers['replay-nonce'])
    if (nonce === undefined) throw new AcmeError('unreachable', `${newNonce} gives no nonce`)
    return nonce
  }

  async #quiet(): Promise<void> {
    const ms = this.#quietUntil - this.#clock.wall()
    if (ms <= 0) return
    if (ms > MAX_QUIET_MS)
      throw new AcmeError('rateLimited', 'it has asked for patience (Retry-After)', {
        retryAt: this.#quietUntil
      })
    await new Promise<void>((resolve) => this.#clock.after(ms, resolve))
  }

  /**
   * A limit often concerns one name, and then for days: who asked waits as long as he was told, and all others for a while.
   */
  #restUntil(retryAt: number): void {
    this.#quietUntil = Math.max(this.#quietUntil, Math.min(retryAt, this.#clock.wall() + MAX_REST_MS))
  }

  #read({ status, headers, body: text }: HttpAnswer): AcmeAnswer {
    const nonce = one(headers['replay-nonce'])
    if (nonce !== undefined && /^[\w-]{1,512}$/.test(nonce) && this.#nonces.length < MAX_NONCES)
      this.#nonces.push(nonce)
    const retryAt = retryAfter(one(headers['retry-after']), this.#clock.wall())
    const body = /json/.test(one(headers['content-type']) ?? '') ? parse(text) : undefined
    if (status < 200 || status > 299) {
      if (retryAt !== undefined && (status === 429 || status === 503)) this.#restUntil(retryAt)
      throw problemOf(status, body, retryAt)
    }
    const next = /<([^>]+)>\s*;\s*rel="next"/.exec([headers['link'] ?? []].flat().join(', '))?.[1]
    return { status, body, text, location: one(headers['location']), next, retryAt }
  }
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
