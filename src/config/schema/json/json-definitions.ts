/* eslint-disable lb/no-text-index -- JSON Schema that is made of our own */
import type { z } from 'zod'

export type JsonSchema = z.core.JSONSchema.JSONSchema

type Node = Record<string, unknown>

/** Keywords that belong to the key of a value, not to its type. */
const OF_THE_KEY = ['description', 'default', 'examples'] as const

/** Shorter schemas are written in place: a reference would be as long. */
const MIN_LENGTH = 60

/**
 * Moves every mapping, and every schema that is used in several places, to `$defs`, named by its title or by its key.
 * Without that, a listener's routes would be written out four times.
 */
export function extractDefinitions(
  schema: JsonSchema,
  named: Readonly<Record<string, JsonSchema>>
): JsonSchema {
  const extraction = new Extraction(schema as Node)
  for (const [name, definition] of Object.entries(named)) extraction.name(definition as Node, name)
  const root = extraction.inside(schema as Node, '')
  return { ...root, $defs: extraction.definitions } as JsonSchema
}

class Extraction {
  readonly definitions: Record<string, Node> = {}
  /** How often a schema is used, by its text. */
  readonly #uses = new Map<string, number>()
  readonly #names = new Map<string, string>()

  constructor(root: Node) {
    this.#count(root)
  }

  name(definition: Node, name: string): void {
    this.#names.set(JSON.stringify(definition), name)
    this.definitions[name] = definition
  }

  /** The schema with references to what is under `$defs`. `key` is its key. */
  inside(node: Node, key: string): Node {
    const result: Node = {}
    for (const [keyword, value] of Object.entries(node)) {
      if (keyword === 'properties') {
        const entries = Object.entries(value as Record<string, Node>)
        result[keyword] = Object.fromEntries(entries.map(([name, inner]) => [name, this.#refer(inner, name)]))
      } else if (keyword === 'anyOf' || keyword === 'oneOf') {
        result[keyword] = (value as Node[]).map((inner) => this.#refer(inner, key))
      } else if ((keyword === 'items' || keyword === 'additionalProperties') && typeof value === 'object') {
        result[keyword] = this.#refer(value as Node, singular(key))
      } else result[keyword] = value
    }
    return result
  }

  #refer(node: Node, key: string): Node {
    const { ofKey, kind } = split(node)
    const text = JSON.stringify(kind)
    const known = this.#names.get(text)
    if (known !== undefined) return { ...ofKey, $ref: `#/$defs/${known}` }
    const shared = text.length >= MIN_LENGTH && (this.#uses.get(text) ?? 0) > 1
    if (!shared && !('properties' in kind)) return this.inside(node, key)
    const name = this.#freeName(nameOf(kind, singular(key)))
    this.#names.set(text, name)
    // Reserve its place before its content, so that a reader meets the whole before the parts.
    this.definitions[name] = {}
    const title = 'title' in kind ? {} : { title: name.replaceAll('-', ' ') }
    Object.assign(this.definitions[name], title, this.inside(kind, key))
    return { ...ofKey, $ref: `#/$defs/${name}` }
  }

  #freeName(wanted: string): string {
    if (!Object.hasOwn(this.definitions, wanted)) return wanted
    let suffix = 2
    while (Object.hasOwn(this.definitions, `${wanted}-${suffix}`)) suffix++
    return `${wanted}-${suffix}`
  }

  #count(node: Node): void {
    const text = JSON.stringify(split(node).kind)
    const before = this.#uses.get(text) ?? 0
    this.#uses.set(text, before + 1)
    if (before > 0) return
    for (const inner of children(node)) this.#count(inner)
  }
}

function* children(node: Node): Generator<Node> {
  yield* Object.values((node['properties'] ?? {}) as Record<string, Node>)
  for (const union of ['anyOf', 'oneOf']) yield* (node[union] ?? []) as Node[]
  for (const key of ['items', 'additionalProperties']) {
    if (typeof node[key] === 'object') yield node[key] as Node
  }
}

function split(node: Node): { ofKey: Node; kind: Node } {
  const kind = { ...node }
  const ofKey: Node = {}
  for (const keyword of OF_THE_KEY) {
    if (!(keyword in kind)) continue
    ofKey[keyword] = kind[keyword]
    delete kind[keyword]
  }
  return { ofKey, kind }
}

/** `listener-l7`, `probe-http`: the name includes what distinguishes mappings at the same key. */
function nameOf(kind: Node, key: string): string {
  const properties = (kind['properties'] ?? {}) as Record<string, Node>
  const [first] = (kind['anyOf'] ?? []) as Node[]
  const title = kind['title'] ?? first?.['title']
  if (typeof title === 'string') return title.replaceAll(' ', '-')
  if (first?.['type'] === 'boolean') return 'true-or-false'
  if (first?.['minimum'] !== undefined) return `${String(first['minimum'])}-to-${String(first['maximum'])}`
  const tag = properties['mode']?.['const'] ?? properties['type']?.['const']
  return typeof tag === 'string' ? `${key}-${tag}` : key
}

/** `listeners` holds a listener each. */
function singular(key: string): string {
  if (key.endsWith('ies')) return `${key.slice(0, -3)}y`
  return key.length > 4 && /[^su]s$/.test(key) ? key.slice(0, -1) : key
}
