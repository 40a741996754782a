import { parseDocument, type YAMLError } from 'yaml'
import { isAlias, isMap, isNode, isPair, isScalar, isSeq } from 'yaml'
import type { Alias, Document, Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { type Environment, substitute } from './environment.ts'
import { errorAt, type Finding, type Path } from './problem.ts'
import type { Raw, RawMap } from './raw.ts'

/** Deepest nesting of a config; the deepest key there is stands at nine. */
const MAX_DEPTH = 32
/** Values that aliases may add in all: far over any real config, far under an alias bomb. */
const MAX_ALIASED = 200_000
/** Findings after which the walk stops looking. */
const MAX_FINDINGS = 1000

/** A syntax error, at an offset of the text. */
export interface SyntaxProblem {
  readonly offset: number
  readonly message: string
}

export interface YamlText {
  readonly document: Document.Parsed
  readonly syntax: readonly SyntaxProblem[]
}

/** Parses the text as one YAML document. Keys are checked for duplicates later: the library's check is quadratic. */
export function parseYaml(text: string): YamlText | SyntaxProblem {
  try {
    const document = parseDocument(text, {
      uniqueKeys: false,
      prettyErrors: false,
      // Not 'silent': that lets a second document pass without a word.
      logLevel: 'error',
      schema: 'core',
      resolveKnownTags: false,
      merge: false,
      stringKeys: false
    })
    return { document, syntax: [...document.errors, ...document.warnings].map(syntaxProblem) }
  } catch (error) {
    // The library recurses into nested collections; a hundred thousand brackets exhaust the stack.
    if (error instanceof RangeError) return { offset: 0, message: 'nested too deep to be a configuration' }
    return { offset: 0, message: `not YAML: ${error instanceof Error ? error.message : String(error)}` }
  }
}

const SYNTAX_CURES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab is used as indentation; YAML indents with spaces',
  MULTIPLE_DOCS: 'a second YAML document begins here; a configuration is one document, remove the "---"',
  BAD_ALIAS: 'an alias needs a name of letters and digits, and an anchor "&name" before it',
  TAG_RESOLVE_FAILED: 'tags such as !name are not used here; remove it',
  BLOCK_AS_IMPLICIT_KEY: 'a value is nested here without its own line; check the indentation and the colons'
}

function syntaxProblem(error: YAMLError): SyntaxProblem {
  const cure = SYNTAX_CURES[error.code]
  const message = error.message.split('\n')[0]!
  const plain = message.charAt(0).toLowerCase() + message.slice(1)
  return { offset: error.pos[0], message: cure ?? `not valid YAML: ${plain}` }
}

/** Turns the nodes into plain values, with variables substituted, and looks nodes up by path for messages. */
export class YamlTree {
  readonly findings: Finding[] = []
  readonly value: Raw
  readonly #document: Document.Parsed
  readonly #env: Environment
  readonly #anchors = new Map<string, Node>()
  /** Nodes being walked, to notice an alias that contains itself. */
  readonly #open = new Set<Node>()
  readonly #pairs = new WeakMap<YAMLMap, Map<string, Pair>>()
  #aliased = 0
  #insideAlias = 0

  constructor(document: Document.Parsed, env: Environment) {
    this.#document = document
    this.#env = env
    this.value = this.#walk(document.contents, [])
  }

  /** The span of the key or the value at a path; of the nearest ancestor when there is none. */
  spanOf(path: Path, at: 'key' | 'value'): { start: number; end: number } | undefined {
    let node: unknown = this.#document.contents
    let span = spanOf(node) ?? { start: 0, end: 0 }
    for (const [index, part] of path.entries()) {
      node = this.#resolve(node)
      if (isSeq(node) && typeof part === 'number') {
        node = node.items[part]
        span = spanOf(node) ?? span
      } else if (isMap(node)) {
        const pair = this.#pairOf(node, String(part))
        if (pair === undefined) return span
        const last = index === path.length - 1
        const keySpan = spanOf(pair.key) ?? span
        const valueSpan = spanOf(pair.value)
        // An empty value has no characters to point at.
        const empty = valueSpan === undefined || valueSpan.start === valueSpan.end
        span = empty || (last && at === 'key') ? keySpan : valueSpan
        node = pair.value
      } else return span
    }
    return span
  }

  /** The scalar's text as it is written, without quotes; undefined for anything else. */
  sourceOf(path: Path): string | undefined {
    let node: unknown = this.#document.contents
    for (const part of path) {
      node = this.#resolve(node)
      if (isSeq(node) && typeof part === 'number') node = node.items[part]
      else if (isMap(node)) node = this.#pairOf(node, String(part))?.value
      else return undefined
    }
    node = this.#resolve(node)
    return isScalar(node) ? node.source : undefined
  }

  #walk(node: unknown, path: Path): Raw {
    if (this.#insideAlias > 0 && ++this.#aliased > MAX_ALIASED) {
      if (this.#aliased === MAX_ALIASED + 1)
        this.#report(path, `aliases make over ${MAX_ALIASED} values; write them out, or fewer`)
      return null
    }
    if (path.length > MAX_DEPTH) {
      this.#report(path, `nested over ${MAX_DEPTH} levels deep; nothing in a configuration is`)
      return null
    }
    if (isAlias(node)) return this.#walkAlias(node, path)
    if (!isNode(node)) return null
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    if (node.tag !== undefined && node.tag.startsWith('!') && node.tag !== '!') {
      this.#report(path, `tags such as ${node.tag} are not used here; remove it`)
    }
    if (isScalar(node)) return this.#walkScalar(node, path)
    this.#open.add(node)
    const value = isSeq(node) ? this.#walkSeq(node, path) : isMap(node) ? this.#walkMap(node, path) : null
    this.#open.delete(node)
    return value
  }

  #walkScalar(node: Scalar, path: Path): Raw {
    const { value } = node
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
    if (typeof value !== 'string') return node.source ?? String(value)
    if (!value.includes('$')) return value
    const { value: text, errors } = substitute(value, this.#env)
    for (const error of errors) this.#report(path, error)
    return text
  }

  #walkSeq(node: YAMLSeq, path: Path): Raw {
    return node.items.map((item, index) => {
      if (isPair(item)) this.#report([...path, index], 'a list item is missing; write "- key: value"')
      return this.#walk(item, [...path, index])
    })
  }

  #walkMap(node: YAMLMap, path: Path): Raw {
    const result = Object.create(null) as RawMap
    const merged: RawMap[] = []
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : undefined
      if (key === undefined) {
        this.#report(path, 'a key must be a plain word; is a quote or a brace missing?')
        continue
      }
      const name = isScalar(pair.key) && typeof pair.key.value === 'string' ? pair.key.value : key
      if (name === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merged.push(...this.#walkMerge(pair.value, [...path, name]))
      } else if (name === '__proto__') {
        this.#report([...path, name], 'the key "__proto__" is not allowed', 'key')
      } else if (Object.hasOwn(result, name)) {
        this.#reportNode(pair.key, [...path, name], `duplicate key "${name}"; keep one of them`)
      } else {
        result[name] = this.#walk(pair.value, [...path, name])
      }
    }
    // A mapping's own keys win over merged ones, an earlier merged mapping over a later one.
    for (const source of merged) {
      for (const key of Object.keys(source)) if (!Object.hasOwn(result, key)) result[key] = source[key]!
    }
    return result
  }

  #walkMerge(node: unknown, path: Path): RawMap[] {
    const value = this.#walk(node, path)
    const list = Array.isArray(value) ? (value as readonly Raw[]) : [value]
    const maps = list.filter((item) => typeof item === 'object' && item !== null && !Array.isArray(item))
    if (maps.length < list.length)
      this.#report(path, 'a merge key "<<" takes a mapping, or a list of them', 'key')
    return maps as RawMap[]
  }

  #walkAlias(alias: Alias, path: Path): Raw {
    const target = this.#anchors.get(alias.source)
    if (target === undefined) {
      this.#report(path, `no anchor "&${alias.source}" stands before this alias`)
      return null
    }
    if (this.#open.has(target)) {
      this.#report(path, `the alias "*${alias.source}" contains itself`)
      return null
    }
    this.#insideAlias++
    const value = this.#walk(target, path)
    this.#insideAlias--
    return value
  }

  #report(path: Path, message: string, at: 'key' | 'value' = 'value'): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push(errorAt(path, message, at))
  }

  #reportNode(node: unknown, path: Path, message: string): void {
    this.#report(path, message, 'key')
    const finding = this.findings.at(-1)
    const span = spanOf(node)
    if (finding?.path === path && span !== undefined) this.spans.set(finding, span)
  }

  /** Spans of findings that no path can name, such as the second of two equal keys. */
  readonly spans = new Map<Finding, { start: number; end: number }>()

  #resolve(node: unknown): unknown {
    return isAlias(node) ? this.#anchors.get(node.source) : node
  }

  #pairOf(map: YAMLMap, key: string): Pair | undefined {
    let pairs = this.#pairs.get(map)
    if (pairs === undefined) {
      pairs = new Map()
      for (const pair of this.#allPairs(map, 0)) {
        const name = isScalar(pair.key)
          ? typeof pair.key.value === 'string'
            ? pair.key.value
            : (pair.key.source ?? String(pair.key.value))
          : ''
        if (!pairs.has(name)) pairs.set(name, pair)
      }
      this.#pairs.set(map, pairs)
    }
    return pairs.get(key)
  }

  /** A mapping's pairs with those it merges behind them. */
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

function spanOf(node: unknown): { start: number; end: number } | undefined {
  if (!isNode(node) || !node.range) return undefined
  return { start: node.range[0], end: node.range[1] }
}
