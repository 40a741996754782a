import { hash } from 'node:crypto'

export interface EntryNames {
  readonly head: string
  readonly claim: string
  readonly gone: string
}

/** What a cache is called in Redis. All names of one entry have one hash tag, and so have all of the log. */
export class CacheNames {
  /** Where instances tell each other what to drop. */
  readonly news: string
  /** Number of the last purge, and the last purges. */
  readonly sequence: string
  readonly log: string
  readonly #base: string

  constructor(prefix: string, cache: string) {
    this.#base = `${prefix}cache:{${cache}`
    this.news = `${this.#base}}:news`
    this.sequence = `${this.#base}}:purges`
    this.log = `${this.#base}}:purge-log`
  }

  /** Head of the entry, who fills it, and when it was last removed. What clients ask for stays out of the names, in length and in content. */
  entry(key: string): EntryNames {
    const head = `${this.#base}:${hash('sha256', Buffer.from(key, 'latin1'), 'base64url').slice(0, 32)}}`
    return { head, claim: `${head}:claim`, gone: `${head}:gone` }
  }

  /** Of a body. `id`: of one fill, so that pieces of two never mix. */
  piece(head: string, id: string, index: number): string {
    return `${head}:${id}:${index}`
  }
}
