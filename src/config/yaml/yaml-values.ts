import { isAlias, isMap, isNode, isPair, isScalar, isSeq } from 'yaml'
import type { Alias, Document, Node, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { type Environment, substitute } from '../environment/environment.ts'
import { errorAt, type Finding, type Path } from '../report/problem.ts'
import type { Raw, RawMap } from '../raw.ts'
import { keyName, type Span, spanOf } from './yaml-nodes.ts'

/** Deepest nesting of a configuration; the deepest key is at level nine. */
const MAX_DEPTH = 32
/** Values that aliases may add in all: far more than any real configuration, far fewer than an alias bomb. */
const MAX_ALIASED = 200_000
/** Typographic quotes around a plain value. */
const CURLY = /^[\u2018-\u201f\u00ab]|[\u2019\u201d\u00bb]$/

/** Environment variables in the syntax of shells, Caddy and Jinja, as a whole value. */
const FOREIGN_VARIABLE = /^(?:\$([A-Z][A-Z0-9_]+)|\{(?:env|\$)\.?([A-Z][A-Z0-9_]+)\}|%([A-Z][A-Z0-9_]+)%)$/

/** After this number of findings the walk stops. */
const MAX_FINDINGS = 1000

/** The content of a document as plain values, with variables substituted. */
export interface YamlValues {
  readonly value: Raw
  readonly findings: readonly Finding[]
  /** Spans of findings without a path, such as the second of two equal keys. */
  readonly spans: ReadonlyMap<Finding, Span>
  /** The nodes of aliases, by anchor. */
  readonly anchors: ReadonlyMap<string, Node>
}

export function yamlValues(document: Document.Parsed, env: Environment): YamlValues {
  const reader = new Reader(env)
  const value = reader.walk(document.contents, [])
  return { value, findings: reader.findings, spans: reader.spans, anchors: reader.anchors }
}

class Reader {
  readonly findings: Finding[] = []
  readonly spans = new Map<Finding, Span>()
  readonly anchors = new Map<string, Node>()
  readonly #env: Environment
  /** Nodes being walked, to detect an alias that contains itself. */
  readonly #open = new Set<Node>()
  #aliased = 0
  #insideAlias = 0

  constructor(env: Environment) {
    this.#env = env
  }

  walk(node: unknown, path: Path): Raw {
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
    if (node.anchor !== undefined) this.anchors.set(node.anchor, node)
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
    if (node.type === 'PLAIN' && CURLY.test(value)) {
      this.#report(
        path,
        `"${value.slice(0, 40)}" has curly quotes, which are letters to YAML; write straight ones: "`
      )
      // Without the quotes nothing else is wrong with it.
      return value.replaceAll(new RegExp(CURLY, 'g'), '')
    }
    const foreign = FOREIGN_VARIABLE.exec(value)
    if (foreign !== null) {
      const name = foreign[1] ?? foreign[2] ?? foreign[3]!
      this.#report(
        path,
        `"${value}" is taken literally; the variable of the environment is "\${${name}}" (and "$$" is a dollar sign)`
      )
      return value
    }
    if (!value.includes('$')) return value
    const { value: text, errors } = substitute(value, this.#env)
    for (const error of errors) this.#report(path, error)
    return text
  }

  #walkSeq(node: YAMLSeq, path: Path): Raw {
    return node.items.map((item, index) => {
      if (isPair(item)) this.#report([...path, index], 'a list item is missing; write "- key: value"')
      return this.walk(item, [...path, index])
    })
  }

  #walkMap(node: YAMLMap, path: Path): Raw {
    const result = Object.create(null) as RawMap
    const merged: RawMap[] = []
    for (const pair of node.items) {
      const name = keyName(pair.key)
      if (name === undefined) {
        this.#report(
          path,
          isMap(pair.key)
            ? 'braces within braces are templates of other programs; variables are "${NAME}", in quotes'
            : 'a key must be a plain word; is a quote or a brace missing?'
        )
        continue
      }
      if (name === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merged.push(...this.#walkMerge(pair.value, [...path, name]))
      } else if (name === '__proto__') {
        this.#report([...path, name], 'the key "__proto__" is not allowed', 'key')
      } else if (Object.hasOwn(result, name)) {
        this.#reportNode(pair.key, [...path, name], `duplicate key "${name}"; keep one of them`)
      } else {
        result[name] = this.walk(pair.value, [...path, name])
      }
    }
    // A mapping's own keys win over merged ones, an earlier merged mapping over a later one.
    for (const source of merged) {
      for (const key of Object.keys(source)) if (!Object.hasOwn(result, key)) result[key] = source[key]!
    }
    return result
  }

  #walkMerge(node: unknown, path: Path): RawMap[] {
    const value = this.walk(node, path)
    const list = Array.isArray(value) ? (value as readonly Raw[]) : [value]
    const maps = list.filter((item) => typeof item === 'object' && item !== null && !Array.isArray(item))
    if (maps.length < list.length && !isAlias(node)) {
      const name = typeof value === 'string' && /^[\w-]+$/.test(value) ? `: write "<<: *${value}"` : ''
      this.#report(path, `a merge key "<<" takes a mapping, or a list of them${name}`, 'key')
    } else if (maps.length < list.length && value !== null)
      this.#report(path, 'a merge key "<<" takes a mapping, or a list of them', 'key')
    return maps as RawMap[]
  }

  #walkAlias(alias: Alias, path: Path): Raw {
    const target = this.anchors.get(alias.source)
    if (target === undefined) {
      const pattern = /^[./]/.test(alias.source) || alias.source === ''
      this.#report(
        path,
        pattern
          ? `a "*" at the beginning is an alias to YAML; put it in quotes: "*${alias.source}"`
          : `no anchor "&${alias.source}" stands before this alias; put it further up, and a text that begins with "*" in quotes`
      )
      return null
    }
    if (this.#open.has(target)) {
      this.#report(path, `the alias "*${alias.source}" contains itself`)
      return null
    }
    this.#insideAlias++
    const value = this.walk(target, path)
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
}
