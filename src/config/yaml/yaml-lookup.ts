import { isAlias, isMap, isScalar, isSeq } from 'yaml'
import type { Document, Node, Pair, YAMLMap } from 'yaml'
import type { Path } from '../report/problem.ts'
import { keyName, type Span, spanOf } from './yaml-nodes.ts'

/** Finds the position of a path in the text; used for messages only. */
export class YamlLookup {
  readonly #document: Document.Parsed
  readonly #anchors: ReadonlyMap<string, Node>
  readonly #pairs = new WeakMap<YAMLMap, Map<string, Pair>>()

  constructor(document: Document.Parsed, anchors: ReadonlyMap<string, Node>) {
    this.#document = document
    this.#anchors = anchors
  }

  /** The span of the key or the value at a path; of the nearest ancestor when there is none. */
  spanOf(path: Path, at: 'key' | 'value'): Span | undefined {
    let node: unknown = this.#document.contents
    let span = spanOf(node) ?? { start: 0, end: 0 }
    for (const [index, part] of path.entries()) {
      node = this.#resolve(node)
      if (!isSeq(node) && isLoneItem(part)) continue
      if (isSeq(node) && typeof part === 'number') {
        node = node.items[part]
        span = spanOf(node) ?? span
      } else if (isMap(node)) {
        const pair = this.#pairOf(node, String(part))
        if (pair === undefined) return span
        const last = index === path.length - 1
        const keySpan = spanOf(pair.key) ?? span
        const valueSpan = spanOf(pair.value)
        // An empty value has no characters to underline.
        const empty = valueSpan === undefined || valueSpan.start === valueSpan.end
        span = empty || (last && at === 'key') ? keySpan : valueSpan
        node = pair.value
      } else return span
    }
    return span
  }

  /** The scalar's text as written, without quotes; undefined for anything else. */
  sourceOf(path: Path): string | undefined {
    let node: unknown = this.#document.contents
    for (const part of path) {
      node = this.#resolve(node)
      if (!isSeq(node) && isLoneItem(part)) continue
      if (isSeq(node) && typeof part === 'number') node = node.items[part]
      else if (isMap(node)) node = this.#pairOf(node, String(part))?.value
      else return undefined
    }
    node = this.#resolve(node)
    return isScalar(node) ? node.source : undefined
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? this.#anchors.get(node.source) : node
  }

  #pairOf(map: YAMLMap, key: string): Pair | undefined {
    let pairs = this.#pairs.get(map)
    if (pairs === undefined) {
      pairs = new Map()
      for (const pair of this.#allPairs(map, 0)) {
        const name = keyName(pair.key) ?? ''
        if (!pairs.has(name)) pairs.set(name, pair)
      }
      this.#pairs.set(map, pairs)
    }
    return pairs.get(key)
  }

  /** A mapping's pairs, followed by merged ones. */
  *#allPairs(map: YAMLMap, depth: number): Generator<Pair> {
    yield* map.items
    if (depth > 4) return
    for (const pair of map.items) {
      if (!isScalar(pair.key) || pair.key.value !== '<<') continue
      const merged = this.#resolve(pair.value)
      const sources = isSeq(merged) ? merged.items.map((item) => this.#resolve(item)) : [merged]
      for (const source of sources) if (isMap(source)) yield* this.#allPairs(source, depth + 1)
    }
  }
}

/** A value instead of a list is read as its first item. */
function isLoneItem(part: string | number): boolean {
  return part === 0
}
