import { type BodyLength, UNKNOWN_LENGTH } from '../message/body-length.ts'

/** Where a transform puts its bytes: the next transform, or the client. */
export interface BodyOutput {
  /** Bytes that stay untouched from now on. False: no more for now, the transform's `onDrain` follows. */
  write(bytes: Buffer): boolean
  /**
   * The whole body in one piece: nothing but `end` follows, and a head that is held says its length. True: the bytes are
   * the caller's again. False: they stay untouched from now on.
   */
  whole(bytes: Buffer): boolean
  /** Sends a head that is held (`ResponseHead.held`): the body takes its time. */
  begin(): void
  /** The transform takes bytes again, after its `write` returned false. */
  ready(): void
  /** The body is complete. `trailers`: "Name: value\r\n" lines, '' for none. */
  end(trailers: string): void
  /** The body cannot be completed: the client sees a broken message. */
  fail(error: unknown): void
}

/**
 * Changes the bytes of one response on their way to the client, at once or later (a compressor on another thread). It is
 * held to the pace of the client by `BodyOutput.write`, and holds its source to its own by what its `write` returns.
 */
export interface BodyTransform {
  /** Part of the body; valid during the call only. False: no more for now, `output.ready()` follows. */
  write(buffer: Buffer, start: number, end: number): boolean
  /** Nothing more comes. The transform writes what it holds and calls `output.end`, now or later. */
  end(trailers: string): void
  /** All bytes of one read have been written: the transform may send now what it gathered. */
  flush?(): void
  /** The output takes bytes again. */
  onDrain?(): void
  /** The exchange broke off: nothing more is to be written. */
  abort?(): void
  /** Told of a fault in what it has put out; returns what is told in its place. */
  blamed?(error: unknown): unknown
}

/** The client's end of a chain. */
export interface ChainOwner {
  sendBytes(bytes: Buffer): void
  /** The whole body; as `BodyOutput.whole`. */
  sendWhole(bytes: Buffer): boolean
  /** A head that is held goes out. */
  beginBody(): void
  /** Writes what was gathered. False: the client takes no more, `BodyChain.onDrain` follows. */
  flushBytes(): boolean
  endBody(trailers: string): void
  failBody(error: unknown): void
  /** The chain takes bytes again after `BodyChain.write` returned false. */
  onChainReady(): void
}

/** The transforms of one response, the one nearest to the backend first. */
export class BodyChain {
  readonly #links: Link[] = []
  readonly #owner: ChainOwner
  /** Within a call from the source, which flushes when it is done. */
  #gathering = false
  #over = false

  constructor(owner: ChainOwner) {
    this.#owner = owner
  }

  get length(): number {
    return this.#links.length
  }

  /** The output for a transform that goes behind those there are; `put` gives it its transform. */
  link(): Link {
    return new Link(this, this.#links.length)
  }

  /** `length`: of what it will put out, as it has announced it; it is held to that. */
  put(link: Link, transform: BodyTransform, length: BodyLength = UNKNOWN_LENGTH): void {
    link.transform = transform
    link.announced = length
    this.#links.push(link)
  }

  /** False: `ChainOwner.onChainReady` follows. */
  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#over) return true
    return this.#gather(() => this.#links[0]!.transform!.write(buffer, start, end))
  }

  end(trailers: string): void {
    if (!this.#over) this.#gather(() => this.#links[0]!.transform!.end(trailers))
  }

  flush(): void {
    if (this.#over) return
    this.#gather(() => {
      for (const { transform } of this.#links) transform!.flush?.()
    })
  }

  onDrain(): void {
    if (!this.#over) this.#links.at(-1)!.transform!.onDrain?.()
  }

  abort(): void {
    if (this.#over) return
    this.#over = true
    for (const { transform } of this.#links) transform!.abort?.()
  }

  // From the links.

  written(place: number, bytes: Buffer): boolean {
    if (this.#over) return true
    const next = this.#links[place + 1]
    if (next !== undefined) return next.transform!.write(bytes, 0, bytes.length)
    this.#owner.sendBytes(bytes)
    return this.#gathering || this.#owner.flushBytes()
  }

  wholeWritten(place: number, bytes: Buffer): boolean {
    if (this.#over) return true
    const next = this.#links[place + 1]
    if (next === undefined) return this.#owner.sendWhole(bytes)
    next.transform!.write(bytes, 0, bytes.length)
    return true
  }

  begun(): void {
    if (this.#over) return
    this.#owner.beginBody()
    if (!this.#gathering) this.#owner.flushBytes()
  }

  ready(place: number): void {
    if (this.#over) return
    if (place === 0) this.#owner.onChainReady()
    else this.#links[place - 1]!.transform!.onDrain?.()
  }

  ended(place: number, trailers: string): void {
    if (this.#over) return
    const next = this.#links[place + 1]
    if (next !== undefined) return next.transform!.end(trailers)
    this.#over = true
    this.#owner.endBody(trailers)
  }

  failed(place: number, error: unknown): void {
    if (this.#over) return
    const { transform } = this.#links[place]!
    this.#owner.failBody(transform?.blamed === undefined ? error : transform.blamed(error))
    // Nothing that follows is sent, not even where the owner lives on.
    this.#over = true
  }

  #gather<T>(act: () => T): T {
    const before = this.#gathering
    this.#gathering = true
    try {
      return act()
    } finally {
      this.#gathering = before
    }
  }
}

/** The output of one transform. */
export class Link implements BodyOutput {
  readonly #chain: BodyChain
  readonly #place: number
  transform: BodyTransform | undefined
  /** Bytes that the head says, or UNKNOWN_LENGTH. Written by the chain only. */
  announced: BodyLength = UNKNOWN_LENGTH
  #bytes = 0

  constructor(chain: BodyChain, place: number) {
    this.#chain = chain
    this.#place = place
  }

  write(bytes: Buffer): boolean {
    if (!this.#fits(bytes)) return true
    return this.#chain.written(this.#place, bytes)
  }

  whole(bytes: Buffer): boolean {
    if (!this.#fits(bytes)) return true
    return this.#chain.wholeWritten(this.#place, bytes)
  }

  begin(): void {
    this.#chain.begun()
  }

  ready(): void {
    this.#chain.ready(this.#place)
  }

  end(trailers: string): void {
    if (this.#bytes >= this.announced) this.#chain.ended(this.#place, trailers)
    else
      this.fail(new RangeError(`its body ends after ${this.#bytes} of the ${this.announced} bytes announced`))
  }

  fail(error: unknown): void {
    this.#chain.failed(this.#place, error)
  }

  /** More than the head says would be read as the next response. */
  #fits(bytes: Buffer): boolean {
    this.#bytes += bytes.length
    if (this.announced === UNKNOWN_LENGTH || this.#bytes <= this.announced) return true
    this.fail(new RangeError(`its body is longer than the ${this.announced} bytes announced`))
    return false
  }
}
