import { messageOf } from '../../../../core/errors.ts'
import type { Clock } from '../../../../core/clock.ts'
import type { Logger } from '../../../../core/log/log.ts'
import { type KeptKeys, MAX_KEY_SET_BYTES } from './kept-keys.ts'
import { readKeySet, replaceKeys, type VerifyKey } from './key-set.ts'

/** Average time between fetches that bring no new key, whatever the reason: unknown kids, failures. */
const COOLDOWN_MS = 30_000
/**
 * Fetches for unknown kids that may come sooner: an issuer that rotates its keys must not wait because of guessed kids.
 */
const BURST = 5
/** Time between two of them; requests in between wait for the next one. */
const GAP_MS = 1000
/** Time to the next try after a failure: an issuer that is back is heard of soon, whatever was asked meanwhile. */
const FAILED_MS = 5_000
/** … while there are no keys at all. */
const RETRY_MS = 1000

/** Where keys come from. */
export interface KeySource {
  readonly keys: readonly VerifyKey[]
  /** Whether a fetch for an unknown kid would be allowed now. */
  mayAsk(): boolean
  /** Calls `done` when the current fetch, or one begun now, has ended; returns a function that cancels the call. */
  ask(done: () => void): () => void
}

export interface RemoteKeysOptions {
  /** URL of the JWKS; undefined: the issuer's metadata names it (OpenID Connect Discovery §4). */
  readonly url: string | undefined
  readonly issuer: string
  /** Takes an issuer with and without a slash at its end for the same, as logins do. */
  readonly anySlash?: boolean
  readonly refreshMs: number
  readonly timeoutMs: number
  /** What the other threads have fetched from there, and those before them. */
  readonly kept?: KeptKeys | undefined
}

/**
 * An issuer's keys over HTTP, one fetch at a time. Each thread fetches its own: they are small and public, and no thread
 * has to wait for another. Keys stay in use while they are fetched again, and during an outage however long it lasts; a
 * thread that has none, or older ones, takes those that another has fetched.
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
  /** The last fetch did. */
  #failed = false
  #triedAt = -Infinity

  constructor(options: RemoteKeysOptions, clock: Clock, log: Logger) {
    this.#options = options
    this.#clock = clock
    this.#log = log
    this.#adopt()
  }

  get keys(): readonly VerifyKey[] {
    const now = this.#clock.now()
    const old = this.#failed || now - this.#fetchedAt > this.#options.refreshMs
    const due = old && now - this.#triedAt >= (this.#keys.length === 0 ? RETRY_MS : FAILED_MS)
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
      this.#failed = error !== undefined
      if (error === undefined) this.#fetchedAt = this.#clock.now()
      else {
        this.#adopt()
        const { issuer } = this.#options
        const kept = this.#keys.length
        this.#log.warn({ issuer, reason: error, kept }, 'cannot fetch the keys of an issuer')
      }
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const done of waiting) done()
    })
  }

  /** Takes the set that another thread has fetched, if it is newer than the own one. */
  #adopt(): void {
    const { kept } = this.#options
    if (kept === undefined || kept.fetchedAt <= Math.max(0, this.#fetchedAt)) return
    const set = kept.read()
    if (set === undefined) return
    this.#keys = replaceKeys(this.#keys, readKeySet(set.text, this.#keys))
    this.#fetchedAt = set.fetchedAt
  }

  /** Returns why it failed, or undefined. */
  async #load(): Promise<string | undefined> {
    const { url, timeoutMs } = this.#options
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const address = url ?? (await discoverJwks(this.#options, signal))
      const before = new Set(this.#keys)
      const text = await fetchText(address, signal)
      this.#keys = replaceKeys(this.#keys, readKeySet(text, this.#keys))
      this.#options.kept?.write({ text, fetchedAt: this.#clock.now() })
      // Only the issuer makes new keys: what fetched them is no guess, however often it rotates.
      if (before.size > 0 && this.#keys.some((key) => !before.has(key)))
        this.#left = Math.min(BURST, this.#left + 1)
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }
}

/** Whether two issuers differ in a slash at their end at most. */
export function isSameIssuer(one: string, other: string): boolean {
  return one.replace(/\/$/, '') === other.replace(/\/$/, '')
}

async function discoverJwks({ issuer, anySlash }: RemoteKeysOptions, signal: AbortSignal): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const found = JSON.parse(await fetchText(address, signal)) as { issuer?: unknown; jwks_uri?: unknown }
  const named = typeof found.issuer === 'string' ? found.issuer : ''
  if (named !== issuer && !(anySlash === true && isSameIssuer(named, issuer))) {
    throw new Error(
      `its metadata names the issuer "${named.slice(0, 300)}"; "issuer" must be the same, or "jwks" say where the keys are`
    )
  }
  if (typeof found.jwks_uri !== 'string') throw new Error('its metadata has no jwks_uri')
  if (issuer.startsWith('https:') && !found.jwks_uri.startsWith('https:'))
    throw new Error('jwks_uri is not https')
  return found.jwks_uri
}

/** Redirects are not followed. */
async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  // Loaded on first use: it takes 12 MB in each thread.
  const { request } = await import('undici')
  const { statusCode, body } = await request(url, { signal, headers: { accept: 'application/json' } })
  let text = ''
  let bytes = 0
  const decoder = new TextDecoder()
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_KEY_SET_BYTES) throw new Error('the answer is too large')
    text += decoder.decode(chunk, { stream: true })
  }
  if (statusCode !== 200) throw new Error(`status ${statusCode}`)
  return text
}
