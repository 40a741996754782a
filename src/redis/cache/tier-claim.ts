import type { Claim, FillFailure, RecordHead, RecordWriter } from '../../l7/cache/ports.ts'
import { Publication, type Waiting } from './publication.ts'
import type { RemoteCache } from './remote-cache.ts'
import { RemoteClaim } from './remote-claim.ts'

/** The right to fill a key of the memory, and of Redis beside it. */
export class TierClaim implements Claim {
  readonly kind = 'claim'
  readonly #claim: Claim
  readonly #remote: RemoteCache
  readonly #key: string
  readonly #waiting: Waiting
  /** The claim for which other instances wait. */
  readonly #remoteClaim: RemoteClaim | undefined

  constructor(
    claim: Claim,
    remote: RemoteCache,
    key: string,
    waiting: Waiting,
    remoteClaim: RemoteClaim | undefined
  ) {
    this.#claim = claim
    this.#remote = remote
    this.#key = key
    this.#waiting = waiting
    this.#remoteClaim = remoteClaim
  }

  begin(head: RecordHead): RecordWriter | undefined {
    const remote = this.#remote
    // Read first: if the memory accepts the entry, no later purge has been applied since upstream was asked.
    const purge = remote.words.applied
    const writer = this.#claim.begin(head)
    if (writer === undefined || !remote.usable) {
      this.#remoteClaim?.abandon()
      return writer
    }
    const claim = this.#remoteClaim ?? new RemoteClaim(remote, this.#key, undefined)
    return new TierWriter(writer, new Publication(remote, claim, head, purge, this.#waiting))
  }

  abandon(): void {
    this.#claim.abandon()
    this.#remoteClaim?.abandon()
  }
}

class TierWriter implements RecordWriter {
  readonly #writer: RecordWriter
  readonly #publication: Publication

  constructor(writer: RecordWriter, publication: Publication) {
    this.#writer = writer
    this.#publication = publication
  }

  get failure(): FillFailure | undefined {
    return this.#writer.failure
  }

  get followers(): number {
    return this.#writer.followers
  }

  write(chunk: Uint8Array): boolean {
    const taken = this.#writer.write(chunk)
    if (taken) this.#publication.write(chunk)
    else this.#publication.abort()
    return taken
  }

  finish(): boolean {
    const published = this.#writer.finish()
    if (published) this.#publication.finish()
    else this.#publication.abort()
    return published
  }

  abort(): void {
    this.#writer.abort()
    this.#publication.abort()
  }
}
