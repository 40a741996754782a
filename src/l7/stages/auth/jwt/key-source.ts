import { messageOf } from '../../../../core/errors.ts'
import type { Clock } from '../../../../core/clock.ts'
import type { Logger } from '../../../../core/log/log.ts'
import { readKeySet, replaceKeys, type VerifyKey } from './key-set.ts'

/** Between two fetches on average, whatever asks for them: unknown kids, failures. */
const COOLDOWN_MS = 30_000
/** Fetches for unknown kids that may come sooner: an issuer that rotates its keys now shall not wait for those who guess. */
const BURST = 5
/** Between two of them; who comes meanwhile waits for the next one. */
const GAP_MS = 1000
/** After a failure while there are no keys at all. */
const RETRY_MS = 1000
const MAX_BYTES = 2 * 1024 * 1024

/** Where keys come from. */
export interface KeySource {
  readonly keys: readonly VerifyKey[]
  /** A fetch would be allowed now: for a kid that is not known. */
  mayAsk(): boolean
  /** Calls `done` when the fetch under way, or the one begun now, has ended; returns what forgets `done`. */
  ask(done: () => void): () => void
}

export interface RemoteKeysOptions {
  /** The JWKS; undefined: its address is asked of the issuer (OpenID Connect Discovery §4). */
  readonly url: string | undefined
  readonly issuer: string
  readonly refreshMs: number
  readonly timeoutMs: number
}

/**
 * An issuer's keys by HTTP, one fetch at a time. Each thread has its own: they are small and public, and a thread that fetches
 * waits for no other. Keys are used while they are fetched again, and through an outage for as long as it lasts.
 */
export class RemoteKeys implements KeySource {
  readonly #options: RemoteKeysOptions
  readonly #clock: Clock
  readonly #log: Logger
  readonly #waiting = new Set<() => void>()
  #keys: readonly VerifyKey[] = []
  #fetching = false
  #planned = false
  /** Fetches for unknown kids that are left, as of `#countedAt`. */
  #left = BURST
  #countedAt = 0
  #fetchedAt = -Infinity
  #triedAt = -Infinity

  constructor(options: RemoteKeysOptions, clock: Clock, log: Logger) {
    this.#options = options
    this.#clock = clock
    this.#log = log
  }

  get keys(): readonly VerifyKey[] {
    const now = this.#clock.now()
    const due = now - this.#fetchedAt > this.#options.refreshMs && now - this.#triedAt >= this.#pauseMs
    if (due) this.#fetch()
    return this.#keys
  }

  mayAsk(): boolean {
    if (this.#fetching || this.#planned) return true
    const now = this.#clock.now()
    if (this.#keys.length === 0) return now - this.#triedAt >= RETRY_MS
    this.#left = Math.min(BURST, this.#left + (now - this.#countedAt) / COOLDOWN_MS)
    this.#countedAt = now
    return this.#left >= 1
  }

  ask(done: () => void): () => void {
    this.#waiting.add(done)
    if (!this.#fetching && !this.#planned) this.#plan()
    return () => this.#waiting.delete(done)
  }

  get #pauseMs(): number {
    return this.#keys.length === 0 ? RETRY_MS : COOLDOWN_MS
  }

  #plan(): void {
    if (this.#keys.length > 0) this.#left--
    const inMs = this.#keys.length === 0 ? 0 : this.#triedAt + GAP_MS - this.#clock.now()
    if (inMs <= 0) return this.#fetch()
    this.#planned = true
    this.#clock.after(inMs, () => {
      this.#planned = false
      this.#fetch()
    })
  }

  #fetch(): void {
    if (this.#fetching) return
    this.#fetching = true
    this.#triedAt = this.#clock.now()
    void this.#load().then((error) => {
      this.#fetching = false
      if (error === undefined) this.#fetchedAt = this.#clock.now()
      else {
        const { issuer } = this.#options
        const kept = this.#keys.length
        this.#log.warn({ issuer, reason: error, kept }, 'cannot fetch the keys of an issuer')
      }
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const done of waiting) done()
    })
  }

  /** The reason why not, or undefined. */
  async #load(): Promise<string | undefined> {
    const { url, issuer, timeoutMs } = this.#options
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const address = url ?? (await discoverJwks(issuer, signal))
      this.#keys = replaceKeys(this.#keys, readKeySet(await fetchText(address, signal), this.#keys))
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }
}

async function discoverJwks(issuer: string, signal: AbortSignal): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const found = JSON.parse(await fetchText(address, signal)) as { issuer?: unknown; jwks_uri?: unknown }
  if (found.issuer !== issuer) throw new Error('the issuer calls itself otherwise')
  if (typeof found.jwks_uri !== 'string') throw new Error('the issuer names no jwks_uri')
  if (issuer.startsWith('https:') && !found.jwks_uri.startsWith('https:'))
    throw new Error('jwks_uri is not https')
  return found.jwks_uri
}

/** Redirects are not followed. */
async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  // Loaded when it is needed: 12 MB in each thread.
  const { request } = await import('undici')
  const { statusCode, body } = await request(url, { signal, headers: { accept: 'application/json' } })
  let text = ''
  let bytes = 0
  const decoder = new TextDecoder()
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error('the answer is too large')
    text += decoder.decode(chunk, { stream: true })
  }
  if (statusCode !== 200) throw new Error(`status ${statusCode}`)
  return text
}
