import { hash } from 'node:crypto'
import { contain } from '../../../../core/containment.ts'
import type { Counter } from '../../../../core/metrics/metrics.ts'
import { storedBody } from '../../../cache/forms/stored-body.ts'
import type { StoredForms } from '../../../cache/forms/stored-forms.ts'
import type { StoredRecord } from '../../../cache/ports.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import type { ResponseHead } from '../../../exchange/response/response-head.ts'
import { encodeDcz, encodeDczLater, mayBeDictionary, type DczParts } from './dcz.ts'
import { availableDictionary, patternOf } from './eligible.ts'

/** Dictionaries, and what is compressed by them. */
const MAX_BYTES = 1_048_576
const MIN_BYTES = 512
/** Below it, most of a long dictionary is not looked at. */
const LEAST_LEVEL = 3
/** Longer ones are compressed off this thread, for those who ask later. */
const WHOLE_BYTES = 64 * 1024
const MAX_JOBS = 2
/** In Cache-Status. */
const STORED = /; stored\b/

/**
 * Compression by what the client has already (RFC 9842): a stored body goes out with the word that it may serve as a
 * dictionary, and is kept in the cache by its hash. A client that shows the hash gets what is at the URL by now as the
 * difference to it.
 */
export class Dictionaries {
  readonly #level: number
  readonly #offered: Counter
  #jobs = 0

  constructor(level: number, offered: Counter) {
    this.#level = Math.max(LEAST_LEVEL, level)
    this.#offered = offered
  }

  /** Tells the client that it may use this body as a dictionary: one that is kept, or that the cache is going to hold. */
  offer(exchange: Exchange, head: ResponseHead): void {
    const { stored, length } = head
    if (stored === undefined) {
      if (!STORED.test(exchange.cacheStatus) || (length >= 0 && (length < MIN_BYTES || length > MAX_BYTES)))
        return
    } else if (!this.keep(stored, head.whole)) return
    const pattern = patternOf(exchange)
    if (pattern === undefined || head.headers.has('use-as-dictionary')) return
    head.headers.append('Use-As-Dictionary', `match="${pattern}"`)
    this.#offered.add()
  }

  /** Keeps the body under its hash, the first time that it is asked for on this thread; whether it is there. */
  keep(stored: StoredForms, whole?: Buffer): boolean {
    if (stored.checkedAsDictionary) return stored.offered
    stored.checkedAsDictionary = true
    const body = whole ?? storedBody(stored, MAX_BYTES)
    if (body === undefined || body.length < MIN_BYTES || !mayBeDictionary(body)) return false
    stored.offered = stored.keep(hash('sha256', body, 'base64url'), body)
    return stored.offered
  }

  /** The body as the difference to what the client has: to be released. Undefined where that is not at hand. */
  encoded(exchange: Exchange, head: ResponseHead, stored: StoredForms): StoredRecord | Buffer | undefined {
    const sha = availableDictionary(exchange)
    if (sha === undefined) return undefined
    const name = sha.toString('base64url')
    const form = `dcz-${this.#level}-${name}`
    const ready = stored.lookup(form)
    if (ready !== undefined) return ready
    const dictionary = this.#kept(stored, name)
    if (dictionary === undefined) return undefined
    const bytes = head.whole ?? storedBody(stored, MAX_BYTES)
    if (bytes === undefined) return undefined
    const parts = { bytes, dictionary, hash: sha, level: this.#level }
    if (bytes.length > WHOLE_BYTES || dictionary.length > WHOLE_BYTES) {
      this.#later(stored, form, parts)
      return undefined
    }
    const encoded = encodeDcz(parts)
    stored.put(form, encoded)
    return encoded
  }

  #kept(stored: StoredForms, name: string): Buffer | undefined {
    const record = stored.kept(name)
    if (record === undefined) return undefined
    const bytes = record.read(0, record.available)
    record.release()
    return bytes
  }

  /** One of few at a time; whoever asks meanwhile gets an ordinary coding. */
  #later(stored: StoredForms, form: string, parts: DczParts): void {
    if (this.#jobs >= MAX_JOBS) return
    this.#jobs++
    encodeDczLater(parts)
      .then((encoded) => {
        this.#jobs--
        if (encoded !== undefined) stored.put(form, encoded)
      })
      .catch((error: unknown) => contain(error, { onInternalError: () => '' }))
  }
}
