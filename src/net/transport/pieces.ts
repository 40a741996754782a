/** A buffer costs some 150 bytes, whatever it holds: a piece below this shares one with its neighbours. */
const SMALL = 1024
const BLOCK = 8192

/**
 * Bytes that wait, in their order. Whoever sends them octet by octet (a frame of HTTP/2 with one octet has ten) gets no
 * more memory than by large pieces.
 */
export class Pieces {
  #list: Buffer[] = []
  /** The last piece is its beginning, and there may be room behind. */
  #block: Buffer | undefined

  get list(): readonly Buffer[] {
    return this.#list
  }

  first(): Buffer | undefined {
    return this.#list[0]
  }

  /** Copies. */
  add(buffer: Buffer, start: number, end: number): void {
    if (start === end) return
    if (!this.#join(buffer, start, end)) this.#push(Buffer.from(buffer.subarray(start, end)))
  }

  /** As `add`, of bytes that nobody else changes. */
  give(bytes: Buffer): void {
    if (bytes.length > 0 && !this.#join(bytes, 0, bytes.length)) this.#push(bytes)
  }

  /** Takes the first piece. */
  shift(): Buffer | undefined {
    const first = this.#list.shift()
    if (this.#list.length === 0) this.#block = undefined
    return first
  }

  /** Takes that many bytes of the first piece, which has more. */
  cut(size: number): void {
    const list = this.#list
    list[0] = list[0]!.subarray(size)
    if (list.length === 1) this.#block = undefined
  }

  /** Takes all of them. */
  take(): readonly Buffer[] {
    const list = this.#list
    this.clear()
    return list
  }

  clear(): void {
    this.#list = []
    this.#block = undefined
  }

  #push(bytes: Buffer): void {
    this.#list.push(bytes)
    this.#block = undefined
  }

  #join(buffer: Buffer, start: number, end: number): boolean {
    const last = this.#list.at(-1)
    if (last === undefined || end - start >= SMALL || last.length + end - start > BLOCK) return false
    if (this.#block === undefined) {
      this.#block = Buffer.allocUnsafe(BLOCK)
      last.copy(this.#block)
    }
    buffer.copy(this.#block, last.length, start, end)
    this.#list[this.#list.length - 1] = this.#block.subarray(0, last.length + end - start)
    return true
  }
}
