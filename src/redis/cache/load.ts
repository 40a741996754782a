import { crc32 } from 'node:zlib'
import type { CacheStore, Claim } from '../../l7/cache/ports.ts'
import { type Found, type Opened, PIECE_BYTES, type RemoteCache } from './remote-cache.ts'
import { RemoteClaim } from './remote-claim.ts'
import { Stage } from './stage.ts'
import { isLater, movedInfo } from './wire-head.ts'

/** Pieces requested at once. */
const WINDOW = 8
/** Interval of checks whether another instance has stored the response: first and longest. */
const LOOK_MS = 4
const MAX_LOOK_MS = 50
/**
 * Longest wait while another instance stores a response, as the sum of the pauses between checks: fetching a large or
 * slow body twice is better than waiting. Time in which Redis or this thread was busy does not count, since the other
 * instance may just be as late.
 */
const STORING_MS = 250
/** Longest wait for an instance that waits for upstream's answer. */
const TAKEN_MS = 10_000

/**
 * stored: it is in memory now. claimed: this instance must fetch it. none: upstream is asked, as if there were no
 * Redis.
 */
export type Loaded =
  { readonly kind: 'stored' | 'none' } | { readonly kind: 'claimed'; readonly claim: RemoteClaim }

export interface LoadHow {
  /** Claim the key if nothing is stored. */
  readonly claims: boolean
  /** Text of the head in memory; only a newer entry is loaded. */
  readonly than?: string
  /** Redis may take this long, all pieces included. */
  readonly withinMs: number
}

/** Loads one entry from Redis into memory, or gets the claim to fetch it. */
export class Load {
  readonly #memory: CacheStore
  readonly #remote: RemoteCache
  readonly #key: string
  /** The claim in memory: requests for the key wait meanwhile. */
  readonly #claim: Claim
  readonly #token: string
  readonly #epoch: number
  readonly #done: (loaded: Loaded, askedMs: number) => void
  readonly #than: string | undefined
  /** While another instance fetches, each look has the whole time. */
  #withinMs: number
  #since = 0
  #takenSince: number | undefined
  #storingMs = 0
  #lookMs = LOOK_MS

  /** `askedMs`: how long Redis took in the end. What another instance needed to fetch it is no part of that. */
  constructor(
    memory: CacheStore,
    remote: RemoteCache,
    key: string,
    claim: Claim,
    { claims, than, withinMs }: LoadHow,
    done: (loaded: Loaded, askedMs: number) => void
  ) {
    this.#memory = memory
    this.#remote = remote
    this.#key = key
    this.#claim = claim
    this.#token = claims ? remote.token() : ''
    // Read first: a purge that comes meanwhile keeps the entry out of memory.
    this.#epoch = memory.epochOf(key)
    this.#done = done
    this.#than = than
    this.#withinMs = withinMs
    this.#look()
  }

  #look(): void {
    this.#since = this.#remote.now()
    this.#ask(undefined)
  }

  #ask(unreadable: Buffer | undefined): void {
    const leftMs = this.#leftMs
    if (leftMs <= 0) return this.#none()
    this.#remote.open(this.#key, this.#token, unreadable, leftMs, (opened) => this.#on(opened, unreadable))
  }

  get #leftMs(): number {
    return this.#since + this.#withinMs - this.#remote.now()
  }

  #on(opened: Opened | undefined, unreadable: Buffer | undefined): void {
    switch (opened?.kind) {
      case 'entry':
        if (!this.#isOld(opened)) return this.#fill(opened)
        return opened.replacing ? this.#wait(true) : this.#none()
      case 'claimed':
        return this.#end({ kind: 'claimed', claim: new RemoteClaim(this.#remote, this.#key, this.#token) })
      case 'taken':
        return this.#wait(opened.storing)
      case 'unreadable':
        // Only once: whoever writes unreadable entries may do it again.
        return unreadable === undefined ? this.#ask(opened.start) : this.#none()
      default:
        return this.#none()
    }
  }

  #isOld({ head, offsetMs }: Found): boolean {
    if (this.#than === undefined) return false
    const info = movedInfo(head.info, offsetMs)
    return info === undefined || !isLater(info, this.#than)
  }

  /** Another instance fetches it. */
  #wait(storing: boolean): void {
    const now = this.#remote.now()
    this.#takenSince ??= now
    if (now - this.#takenSince > TAKEN_MS || this.#storingMs > STORING_MS) return this.#none()
    if (storing) this.#storingMs += this.#lookMs
    this.#withinMs = this.#remote.timeoutMs
    this.#remote.clock.after(this.#lookMs, () => this.#look())
    this.#lookMs = Math.min(MAX_LOOK_MS, 2 * this.#lookMs)
  }

  #fill(found: Found): void {
    const { head, first } = found
    if (!isWhole(found)) return this.#none()
    const stage = new Stage(this.#memory, `${this.#key}\n#l${this.#remote.token()}`, head.bytes, this.#epoch)
    if (first.length > 0 && !this.#add(stage, found, 0, first)) return this.#drop(stage)
    this.#more(stage, found, 1)
  }

  #more(stage: Stage, found: Found, from: number): void {
    const { head } = found
    const count = Math.min(WINDOW, head.sums.length - from)
    if (count <= 0) return this.#publish(stage, found)
    const leftMs = this.#leftMs
    if (leftMs <= 0) return this.#drop(stage)
    this.#remote.pieces(head, from, count, leftMs, (pieces) => {
      const all = pieces?.every((piece, i) => piece !== null && this.#add(stage, found, from + i, piece))
      if (all === true) this.#more(stage, found, from + count)
      else this.#drop(stage)
    })
  }

  #add(stage: Stage, { head }: Found, index: number, piece: Buffer): boolean {
    return crc32(piece) === head.sums[index] && stage.add(piece)
  }

  /** In one turn: no reader may follow a body that may turn out to be damaged. */
  #publish(stage: Stage, { head, offsetMs, staleAt }: Found): void {
    const { bytes, tags, note } = head
    const info = movedInfo(head.info, offsetMs, staleAt)
    if (info === undefined) return this.#drop(stage)
    const writer = this.#claim.begin({ info, bytes, tags, epoch: this.#epoch, note })
    if (writer !== undefined && stage.moveTo(writer)) {
      writer.finish()
      this.#end({ kind: 'stored' })
      return
    }
    writer?.abort()
    this.#drop(stage)
  }

  #drop(stage: Stage): void {
    stage.drop()
    this.#none()
  }

  #none(): void {
    this.#claim.abandon()
    this.#end({ kind: 'none' })
  }

  #end(loaded: Loaded): void {
    this.#done(loaded, this.#remote.now() - this.#since)
  }
}

/** Whether the facts about the body in the head are consistent. */
function isWhole({ head, first }: Found): boolean {
  const { bytes, sums } = head
  if (!Number.isSafeInteger(bytes) || bytes < 0 || sums.length !== Math.ceil(bytes / PIECE_BYTES))
    return false
  return first.length === Math.min(bytes, PIECE_BYTES)
}
