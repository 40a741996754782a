import type { TraceRequest } from './traces.ts'

/** A policy in its plainest form, bounded in bytes: true when the request was a hit. */
export interface TracePolicy {
  readonly name: string
  request(request: TraceRequest): boolean
}

export class Lru implements TracePolicy {
  readonly name = 'LRU'
  readonly #max: number
  readonly #entries = new Map<number, number>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#max = maxBytes
  }

  request({ key, bytes }: TraceRequest): boolean {
    const hit = this.#entries.delete(key)
    this.#entries.set(key, bytes)
    if (hit) return true
    this.#bytes += bytes
    for (const [victim, size] of this.#entries) {
      if (this.#bytes <= this.#max) break
      this.#entries.delete(victim)
      this.#bytes -= size
    }
    return false
  }
}

interface Node {
  readonly key: number
  readonly bytes: number
  visited: boolean
  newer: Node | undefined
  older: Node | undefined
}

export class Sieve implements TracePolicy {
  readonly name = 'SIEVE'
  readonly #max: number
  readonly #entries = new Map<number, Node>()
  #newest: Node | undefined
  #oldest: Node | undefined
  #hand: Node | undefined
  #bytes = 0

  constructor(maxBytes: number) {
    this.#max = maxBytes
  }

  request({ key, bytes }: TraceRequest): boolean {
    const found = this.#entries.get(key)
    if (found !== undefined) {
      found.visited = true
      return true
    }
    this.#bytes += bytes
    while (this.#bytes > this.#max && this.#oldest !== undefined) this.#evict()
    const node: Node = { key, bytes, visited: false, newer: undefined, older: this.#newest }
    if (this.#newest === undefined) this.#oldest = node
    else this.#newest.newer = node
    this.#newest = node
    this.#entries.set(key, node)
    return false
  }

  #evict(): void {
    let node = this.#hand ?? this.#oldest!
    while (node.visited) {
      node.visited = false
      node = node.newer ?? this.#oldest!
    }
    this.#hand = node.newer
    if (node.newer === undefined) this.#newest = node.older
    else node.newer.older = node.older
    if (node.older === undefined) this.#oldest = node.newer
    else node.older.newer = node.newer
    this.#entries.delete(node.key)
    this.#bytes -= node.bytes
  }
}
