import { fnv1a } from '../../core/hash-string.ts'
import type { PathPolicy, RouteMatch } from '../../config/model/model.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import { DEFAULT_PATH_POLICY } from '../uri/path-policy.ts'
import { conditionsOf, type Conditions } from './conditions.ts'
import { literalPrefix } from './literal-prefix.ts'
import type { MatchInput } from './match-input.ts'
import { hasPrefix, routeHosts } from './place.ts'

/**
 * The routes of one listener: the first in config order whose match holds wins. Compiled once per snapshot; a match
 * allocates nothing and costs about the same for ten routes and for thousands (bench/micro/router.ts), except that
 * routes which differ in nothing but methods, headers, query or client address are tried one after the other.
 */
export class Router<T> {
  readonly #hosts = new HostIndex()
  readonly #values: readonly T[]

  constructor(
    routes: readonly { readonly match: RouteMatch; readonly value: T }[],
    policy: PathPolicy = DEFAULT_PATH_POLICY
  ) {
    this.#values = routes.map((route) => route.value)
    routes.forEach(({ match }, order) => {
      const candidate = { order, conditions: conditionsOf(match, policy) }
      const rule = pathRule(match, policy)
      for (const host of routeHosts(match)) this.#hosts.add(host, rule, candidate)
    })
  }

  match(input: MatchInput): T | undefined {
    const indexes = this.#hosts.indexesFor(input.host)
    let best = Infinity
    for (let i = 0; i < indexes.length; i++) {
      const index = indexes[i]!
      if (index.firstOrder >= best) break
      best = index.find(input, best)
    }
    return best === Infinity ? undefined : this.#values[best]
  }
}

/**
 * The most telling of the path conditions. When a route has several, the exact path is compared first and then the
 * regular expression; a prefix next to an exact path must hold too, or the route can never match.
 */
function pathRule(match: RouteMatch, policy: PathPolicy): PathRule {
  if (match.path !== undefined) {
    const path = normalised(match.path, policy)
    const hopeless = match.pathPrefix !== undefined && !hasPrefix(path, normalised(match.pathPrefix, policy))
    return hopeless ? { kind: 'exact', path: NOWHERE } : { kind: 'exact', path }
  }
  if (match.pathPrefix !== undefined) return { kind: 'prefix', path: normalised(match.pathPrefix, policy) }
  const literal = match.pathRegex === undefined ? undefined : literalPrefix(match.pathRegex)
  return literal === undefined ? { kind: 'any' } : { kind: 'prefix', path: literal }
}

/** No normal path contains a space. */
const NOWHERE = '/ '

function normalised(path: string, policy: PathPolicy): string {
  return normalisePath(path, policy) ?? NOWHERE
}

/** How many host names are remembered with their indexes; then all are forgotten and it begins anew. */
const MAX_REMEMBERED = 1024

/**
 * Finds the path indexes that can hold routes for a host: that of the name itself, those of the wildcards above it
 * (`*.example.com` holds for subdomains of any depth, not for example.com) and that of routes for any host.
 */
export class HostIndex {
  readonly #exact = new Map<string, PathIndex>()
  /** By the part after the asterisk, with its dot. */
  readonly #wildcards = new Map<string, PathIndex>()
  readonly #any = new PathIndex()
  // Clients repeat few names: one lookup instead of one per label, and nothing allocated for wildcards.
  readonly #remembered = new Map<string, readonly PathIndex[]>()

  add(host: string, rule: PathRule, candidate: Candidate): void {
    this.#indexOf(host).add(rule, candidate)
  }

  /** In ascending order of their first route. */
  indexesFor(host: string): readonly PathIndex[] {
    const remembered = this.#remembered.get(host)
    if (remembered !== undefined) return remembered
    const indexes = this.#search(host)
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(host, indexes)
    return indexes
  }

  #indexOf(host: string): PathIndex {
    if (host === '*') return this.#any
    const wildcard = host.startsWith('*.')
    const map = wildcard ? this.#wildcards : this.#exact
    const key = wildcard ? host.slice(1) : host
    let index = map.get(key)
    if (index === undefined) map.set(key, (index = new PathIndex()))
    return index
  }

  #search(host: string): readonly PathIndex[] {
    const found: PathIndex[] = []
    const exact = this.#exact.get(host)
    if (exact !== undefined) found.push(exact)
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
        const wildcard = this.#wildcards.get(host.slice(dot))
        if (wildcard !== undefined) found.push(wildcard)
      }
    }
    if (this.#any.firstOrder !== Infinity) found.push(this.#any)
    return found.sort((a, b) => a.firstOrder - b.firstOrder)
  }
}

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
  const h = fnv1a(text, 0, from, to)
  return h ^ (h >>> 15)
}
