/**
 * Values by path segment, looked up straight in the path that contains the segment: no substring is made, which is
 * what a Map would need (30 to 60 ns and 32 bytes per segment). Open addressing over FNV-1a hashes; the hash
 * only finds candidates, the text decides. Its keys come from the config, so clients cannot make it slow.
 */
export class SegmentTable<T> {
  #keys: (string | undefined)[] = new Array<string | undefined>(4)
  #values: (T | undefined)[] = new Array<T | undefined>(4)
  #mask = 3
  #size = 0

  /** The value of the segment that stands in `path` from `from` to `to`. */
  find(path: string, from: number, to: number): T | undefined {
    if (this.#size === 0) return undefined
    const length = to - from
    for (let i = hash(path, from, to) & this.#mask; ; i = (i + 1) & this.#mask) {
      const key = this.#keys[i]
      if (key === undefined) return undefined
      if (key.length === length && path.startsWith(key, from)) return this.#values[i]
    }
  }

  getOrAdd(segment: string, make: () => T): T {
    const found = this.find(segment, 0, segment.length)
    if (found !== undefined) return found
    // At most half full: probes stay short and find() always meets a hole.
    if (++this.#size * 2 > this.#keys.length) this.#grow()
    const value = make()
    this.#insert(segment, value)
    return value
  }

  #grow(): void {
    const keys = this.#keys
    const values = this.#values
    this.#keys = new Array<string | undefined>(keys.length * 2)
    this.#values = new Array<T | undefined>(keys.length * 2)
    this.#mask = this.#keys.length - 1
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] !== undefined) this.#insert(keys[i]!, values[i]!)
    }
  }

  #insert(key: string, value: T): void {
    let i = hash(key, 0, key.length) & this.#mask
    while (this.#keys[i] !== undefined) i = (i + 1) & this.#mask
    this.#keys[i] = key
    this.#values[i] = value
  }
}

function hash(text: string, from: number, to: number): number {
  let h = 0x811c9dc5
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h ^ (h >>> 15)
}
