import { hash } from 'node:crypto'
import { contain } from '../../../../core/containment.ts'
import type { Counter } from '../../../../core/metrics/metrics.ts'
import { storedBody } from '../../../cache/forms/stored-body.ts'
import type { StoredForms } from '../../../cache/forms/stored-forms.ts'
import type { StoredRecord } from '../../../cache/ports.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import type { ResponseHead } from '../../../exchange/response/response-head.ts'
import { WHOLE_BYTES } from '../encoders.ts'
import { encodeDcz, encodeDczLater, mayBeDictionary, type DczInput } from './dcz.ts'
import { availableDictionary, patternOf } from './eligible.ts'

/** Largest dictionary, and largest body to compress with one. */
const MAX_BYTES = 1_048_576
const MIN_BYTES = 512
/** Lower levels ignore most of a long dictionary. */
const LEAST_LEVEL = 3
const MAX_JOBS = 2
/** The mark in Cache-Status. */
const STORED = /; stored\b/

/**
 * Compression with a dictionary that the client has already (RFC 9842): a stored body is offered to clients as a
 * dictionary, and kept in the cache under its hash. A client that sends the hash gets the current body as the
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

  /**
   * Tells the client that it may use this body as a dictionary: one that is kept, or that the cache is going to store.
   */
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

  /** Keeps the body under its hash, when this thread first needs it; returns whether it is kept. */
  keep(stored: StoredForms, whole?: Buffer): boolean {
    if (stored.checkedAsDictionary) return stored.offered
    stored.checkedAsDictionary = true
    const body = whole ?? storedBody(stored, MAX_BYTES)
    if (body === undefined || body.length < MIN_BYTES || !mayBeDictionary(body)) return false
    stored.offered = stored.keep(hash('sha256', body, 'base64url'), body)
    return stored.offered
  }

  /** The body as the difference to the client's dictionary; release it. Undefined where that is not available yet. */
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

  /** Compresses a few at a time; requests meanwhile get an ordinary coding. */
  #later(stored: StoredForms, form: string, input: DczInput): void {
    if (this.#jobs >= MAX_JOBS) return
    this.#jobs++
    encodeDczLater(input)
      .then((encoded) => {
        this.#jobs--
        if (encoded !== undefined) stored.put(form, encoded)
      })
      .catch((error: unknown) => contain(error, { onInternalError: () => '' }))
  }
}
