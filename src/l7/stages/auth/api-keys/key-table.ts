import { hash } from 'node:crypto'
import type { Identity } from '../../../exchange/stage-run.ts'
import type { Proven } from '../auth-method.ts'
import { KeyBuckets } from './key-buckets.ts'

/** Longer texts are no keys; they are not even hashed. */
export const MAX_KEY = 4096

/** The most keys remembered that were proven by their digest. */
const MAX_SEEN = 100_000

/** API keys by their text. A key of which only the digest is known costs a SHA-256 the first time; after that its text is known. */
export class KeyTable {
  readonly #keys = new KeyBuckets(MAX_KEY)
  readonly #owners: Owners = []
  readonly #answer = new KeyAnswer(this.#owners)
  readonly #digests = new Map<string, Identity>()

  /** `key` as in the file. An empty one (an unset variable) matches nothing, nor does one that is longer than requests may bring. */
  add(key: string, owner: Identity): void {
    const digest = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1]
    if (digest !== undefined) this.#digests.set(digest.toLowerCase(), owner)
    else if (key !== '' && key.length <= MAX_KEY) this.#put(key, owner)
  }

  get size(): number {
    return this.#keys.size + this.#digests.size
  }

  /** `key`: at most `MAX_KEY`. The answer holds until the next call. */
  find(key: string): Proven | undefined {
    const number = this.#keys.find(key)
    if (number !== -1) return this.#answer.of(number)
    if (this.#digests.size === 0) return undefined
    // The digest matches, so the key is right; the lookup need not take constant time.
    const owner = this.#digests.get(hash('sha256', key))
    if (owner === undefined) return undefined
    if (this.#keys.size < MAX_SEEN) return this.#answer.of(this.#put(key, owner))
    return { kind: 'proven', identity: owner, beyondGuessing: false, lastClient: '' }
  }

  /** The later owner of a key has it. */
  #put(key: string, owner: Identity): number {
    // The keys of one name follow each other.
    if (this.#owners.at(-2) !== owner) this.#owners.push(owner, '')
    const number = this.#owners.length - 2
    this.#keys.set(key, number)
    return number
  }
}

/** By turns: whose a key is, and the last address that used it. */
type Owners = (Identity | string)[]

/** What is known of one key after the other, read where it lies: an object for each would be two lines more to bring into the processor's cache. */
class KeyAnswer implements Proven {
  readonly kind = 'proven'
  readonly beyondGuessing = false
  readonly #owners: Owners
  #number = 0

  constructor(owners: Owners) {
    this.#owners = owners
  }

  of(number: number): this {
    this.#number = number
    return this
  }

  get identity(): Identity {
    return this.#owners[this.#number] as Identity
  }

  get lastClient(): string {
    return this.#owners[this.#number + 1] as string
  }

  set lastClient(address: string) {
    this.#owners[this.#number + 1] = address
  }
}
