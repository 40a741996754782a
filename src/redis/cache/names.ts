import { hash } from 'node:crypto'

export interface EntryNames {
  readonly head: string
  readonly claim: string
  readonly gone: string
}

/**
 * The names of a cache's keys in Redis. All names of one entry have the same hash tag, and so have all names of the
 * log.
 */
export class CacheNames {
  /** The channel on which instances tell each other what to drop. */
  readonly news: string
  /** Number of the last purge, and the last purges. */
  readonly sequence: string
  readonly log: string
  /** Counts removals, so that an instance that did not hear for a while knows whether there were any. */
  readonly removals: string
  /** The instances that listen to the news. */
  readonly instances: string
  readonly #base: string

  constructor(prefix: string, cache: string) {
    this.#base = `${prefix}cache:{${cache}`
    this.news = `${this.#base}}:news`
    this.sequence = `${this.#base}}:purges`
    this.log = `${this.#base}}:purge-log`
    this.removals = `${this.#base}}:removals`
    this.instances = `${this.#base}}:instances`
  }

  /** The channel on which a thread of an instance hears that the others have applied its removals. */
  confirmed(instance: string, thread: number): string {
    return `${this.#base}}:confirmed:${instance}:${thread}`
  }

  /**
   * The entry's head, its claim, and the time of its last removal. Names contain a digest only, so that clients control
   * neither their length nor their content.
   */
  entry(key: string): EntryNames {
    const head = `${this.#base}:${hash('sha256', Buffer.from(key, 'latin1'), 'base64url').slice(0, 32)}}`
    return { head, claim: `${head}:claim`, gone: `${head}:gone` }
  }

  /** A piece of a body. `id`: of one fill, so that pieces of two fills never mix. */
  piece(head: string, id: string, index: number): string {
    return `${head}:${id}:${index}`
  }
}
