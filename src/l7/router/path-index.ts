import type { Conditions } from './conditions.ts'
import type { MatchInput } from './match-input.ts'

/** A route in the index: its place in the config decides which of several wins. */
export interface Candidate {
  readonly order: number
  /** Undefined: none besides the host and the path, which the index settles. */
  readonly conditions: Conditions | undefined
}

/** Where in the tree of paths a route belongs. */
export type PathRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'prefix'; readonly path: string }

/**
 * Routes of one host, as a tree of path segments. A request walks down its own path and meets, on the way, all routes
 * whose path or prefix fits, so the cost depends on the depth of the path and not on how many routes there are.
 * Only routes that stand before the best found so far are checked, and only subtrees that hold such are entered.
 */
export class PathIndex {
  readonly #root = new Node()

  /** Order of the first route in here; what is found elsewhere before it makes a search needless. */
  get firstOrder(): number {
    return this.#root.firstOrder
  }

  /** Candidates must be added in ascending order. */
  add(rule: PathRule, candidate: Candidate): void {
    this.#root.cover(candidate.order)
    if (rule.kind === 'any') {
      this.#root.prefix.push(candidate)
      return
    }
    let node = this.#root
    const segments = rule.path.slice(1).split('/')
    const below = rule.kind === 'prefix' && segments.at(-1) === ''
    if (below) segments.pop()
    for (const segment of segments) {
      node = node.children.getOrAdd(segment, () => new Node())
      node.cover(candidate.order)
    }
    if (rule.kind === 'exact') node.exact.push(candidate)
    else if (below) node.below.push(candidate)
    else node.prefix.push(candidate)
  }

  /** Order of the first route that matches, if it is before `best`; else `best`. */
  find(input: MatchInput, best: number): number {
    const path = input.path
    const length = path.length
    let node: Node | undefined = this.#root
    best = firstHolding(node.prefix, input, best)
    // The asterisk form has no segments: only routes that say nothing of the path can match it.
    if (path.charCodeAt(0) !== 47) return best
    best = firstHolding(node.below, input, best)
    let from = 1
    for (;;) {
      let to = path.indexOf('/', from)
      if (to === -1) to = length
      node = node.children.find(path, from, to)
      if (node === undefined || node.firstOrder >= best) return best
      best = firstHolding(node.prefix, input, best)
      if (to === length) return firstHolding(node.exact, input, best)
      best = firstHolding(node.below, input, best)
      from = to + 1
    }
  }
}

class Node {
  readonly children = new SegmentTable<Node>()
  /** Routes for exactly this path. */
  readonly exact: Candidate[] = []
  /** `/a`: for this path and all below it. At the root: those without a rule for the path. */
  readonly prefix: Candidate[] = []
  /** `/a/`: for what is below this path. */
  readonly below: Candidate[] = []
  /** The lowest order in this subtree. */
  firstOrder = Infinity

  cover(order: number): void {
    if (order < this.firstOrder) this.firstOrder = order
  }
}

function firstHolding(candidates: readonly Candidate[], input: MatchInput, best: number): number {
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!
    if (candidate.order >= best) return best
    const { order, conditions } = candidate
    if (conditions === undefined || conditions.hold(input)) return order
  }
  return best
}

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
