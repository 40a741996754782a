import { crc32 } from 'node:zlib'
import type { RecordHead } from '../../l7/cache/ports.ts'
import { PIECE_BYTES, type RemoteCache } from './remote-cache.ts'
import type { RemoteClaim } from './remote-claim.ts'
import { LONGEST_FILL_MS } from './entry-scripts.ts'
import { encodeHead, lifeOf, movedInfo } from './wire-head.ts'

/**
 * Bytes of one thread that Redis has not accepted yet; beyond this, Redis is slower than upstream, and the entry is not
 * published.
 */
const MAX_WAITING = 16 * 1024 * 1024

/** Counts bytes of all publications of a thread. */
export interface Waiting {
  bytes: number
}

/**
 * Publishes one entry to Redis, piece by piece, while it is stored in memory. After a failure it is simply not in
 * Redis.
 */
export class Publication {
  readonly #remote: RemoteCache
  readonly #claim: RemoteClaim
  readonly #head: RecordHead
  readonly #purge: number
  readonly #waiting: Waiting
  readonly #id: string
  readonly #sums: number[] = []
  #chunks: Uint8Array[] = []
  #gathered = 0
  #bytes = 0
  #open = true
  #finished = false

  constructor(remote: RemoteCache, claim: RemoteClaim, head: RecordHead, purge: number, waiting: Waiting) {
    this.#remote = remote
    this.#claim = claim
    this.#head = head
    this.#purge = purge
    this.#waiting = waiting
    this.#id = remote.token()
    claim.store(() => {
      if (claim.offsetMs === undefined || claim.lost) this.abort()
      else if (this.#finished) this.#commit()
    })
  }

  /** The caller may reuse the bytes afterwards. */
  write(chunk: Uint8Array): void {
    if (!this.#open) return
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + PIECE_BYTES - this.#gathered)
      this.#chunks.push(Buffer.from(part))
      this.#gathered += part.length
      at += part.length
      if (this.#gathered === PIECE_BYTES) this.#send()
    }
  }

  finish(): void {
    if (!this.#open) return
    if (this.#gathered > 0) this.#send()
    this.#finished = true
    if (this.#claim.offsetMs !== undefined) this.#commit()
  }

  abort(): void {
    if (!this.#open) return
    this.#open = false
    this.#chunks = []
    this.#claim.abandon()
  }

  #send(): void {
    const piece = Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#gathered = 0
    this.#bytes += piece.length
    this.#waiting.bytes += piece.length
    if (this.#waiting.bytes > MAX_WAITING) {
      this.#waiting.bytes -= piece.length
      this.abort()
      return
    }
    this.#sums.push(crc32(piece))
    this.#remote.put(this.#claim.key, this.#id, this.#sums.length - 1, piece, (stored) => {
      this.#waiting.bytes -= piece.length
      if (!stored) this.abort()
    })
  }

  #commit(): void {
    if (!this.#open) return
    const { key, token, offsetMs } = this.#claim
    const { info, tags, note, askedAt } = this.#head
    const moved = movedInfo(info, offsetMs!)
    const asked = askedAt ?? this.#remote.now()
    if (moved === undefined || this.#remote.now() - asked > LONGEST_FILL_MS) return this.abort()
    this.#open = false
    const head = {
      key,
      info: moved,
      tags,
      note: note === true,
      bytes: this.#bytes,
      sums: this.#sums,
      purge: this.#purge
    }
    const written = encodeHead(this.#id, head)
    const lifeMs = lifeOf(this.#head, this.#remote.now())
    // Sent after all pieces; the script checks that they are there.
    this.#remote.commit(
      key,
      {
        token,
        id: this.#id,
        pieces: this.#sums.length,
        askedAt: askedAt === undefined ? undefined : askedAt + offsetMs!
      },
      written,
      lifeMs,
      (stored) => {
        if (stored) this.#claim.end()
        else this.#claim.abandon()
      }
    )
  }
}
