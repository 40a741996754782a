import { inlineJsonSchema } from '../../../src/config/schema/json/json-schema.ts'
import type { Seeded } from '../../http-battery/seeded.ts'
import type { OutsideWorld } from './outside-world.ts'

type Node = Readonly<Record<string, unknown>>

/** Names that a plain object would have already. */
const NAMES = ['web', 'api', 'constructor', 'toString', 'hasOwnProperty', 'a.b-c_d', '0']

/** Keys that would let the test itself be no longer what it is: it runs in one thread. */
const NEVER = new Set(['workers'])
/** Keys that few files have; drawn as often as the others they would be in every one, and most such files are wrong. */
const RARE = new Set(['tls', 'user', 'acme', 'redis', 'discover', 'plugins', 'clientCert', 'auth'])
const DEPTH = 12

/** A configuration made of what the JSON Schema lets through; much of it is right, the checks refuse the rest. */
export function generateConfig(random: Seeded, outside: OutsideWorld): unknown {
  const schema = inlineJsonSchema() as Node
  const root = (schema['properties'] ?? {}) as Record<string, Node>
  const make = new Generator(random, outside)
  const pools = NAMES.slice(0, random.below(NAMES.length) + 1)
  const listeners = Array.from({ length: random.below(3) + 1 }, () =>
    make.value(root['listeners']!, 'listeners', 0)
  )
  const lists = listeners.flat().slice(0, 4) as Record<string, unknown>[]
  for (const listener of lists) listener['pool'] ??= pools[0]
  const config: Record<string, unknown> = {
    listeners: lists,
    pools: Object.fromEntries(
      pools.map((name) => [name, make.entry(root['pools']!, 'pools') as Record<string, unknown>])
    ),
    caches: { web: {}, constructor: {} }
  }
  for (const pool of Object.values(config['pools'] as Record<string, Record<string, unknown>>))
    if (!('discover' in pool)) pool['backends'] ??= '127.0.0.1:1'
  for (const key of Object.keys(root)) {
    if (key in config || NEVER.has(key) || random.below(3) > 0) continue
    config[key] = make.value(root[key]!, key, 0)
  }
  return config
}

class Generator {
  readonly #random: Seeded
  readonly #outside: OutsideWorld

  constructor(random: Seeded, outside: OutsideWorld) {
    this.#random = random
    this.#outside = outside
  }

  entry(record: Node, key: string): unknown {
    return this.value(record['additionalProperties'] as Node, key, 1)
  }

  value(node: Node, key: string, depth: number): unknown {
    const options = (node['anyOf'] ?? node['oneOf']) as readonly Node[] | undefined
    const named = node['type'] === 'string' && this.#outside(key, String(node['title'] ?? ''))
    if (named) return this.#pick(named)
    // Probes go there, and disturb nobody.
    if (node['title'] === 'address') return `127.0.0.1:${this.#random.below(60) + 1}`
    if (Array.isArray(node['examples'])) return this.#pick(node['examples'] as readonly unknown[])
    if (options !== undefined) return this.value(this.#pick(options.filter(isNotVariable)), key, depth)
    if (node['title'] === 'pool') return this.#pick(NAMES)
    if (node['title'] === 'cache') return this.#pick(['web', 'constructor'])
    if (node['const'] !== undefined) return node['const']
    for (const list of ['enum', 'examples'] as const) {
      if (Array.isArray(node[list])) return this.#pick(node[list] as readonly unknown[])
    }
    if (node['default'] !== undefined && typeof node['default'] !== 'object') return node['default']
    switch (node['type']) {
      case 'object':
        return this.#object(node, depth)
      case 'array':
        return Array.from({ length: Math.max(Number(node['minItems'] ?? 0), this.#random.below(3)) }, () =>
          this.value(node['items'] as Node, key, depth + 1)
        )
      case 'boolean':
        return this.#random.below(2) === 0
      case 'integer':
      case 'number':
        return this.#pick([
          node['minimum'] ?? 1,
          Math.min(Number(node['maximum'] ?? 9), 9),
          node['maximum'] ?? 100
        ])
      default:
        return this.#text(node)
    }
  }

  #object(node: Node, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const required = new Set((node['required'] ?? []) as readonly string[])
    for (const [name, inner] of Object.entries((node['properties'] ?? {}) as Record<string, Node>)) {
      if (NEVER.has(name)) continue
      if (!required.has(name) && (depth > DEPTH || this.#random.below(RARE.has(name) ? 12 : 5) > 0)) continue
      result[name] = this.value(inner, name, depth + 1)
    }
    const values = node['additionalProperties']
    if (typeof values === 'object' && values !== null && this.#random.below(2) === 0) {
      result[this.#pick(['x-a', 'constructor', '404'])] = this.value(values as Node, '', depth + 1)
    }
    return result
  }

  #text(node: Node): string {
    switch (node['title']) {
      case 'name':
        return this.#pick([...NAMES, '__proto__'])
      case 'host':
        return this.#pick(['example.com', '*.example.com', 'constructor', '[::1]'])
      case 'path':
        return this.#pick(['/', '/a', '/constructor/', '/%C3%A4', '/a b'])
      case 'regular expression':
        return this.#pick(['^/a+$', '(', '^/(a+)+$', '^/\\w*\\w*x$'])
      case 'method':
        return this.#pick(['GET', 'POST', 'PURGE'])
      case 'field name':
        return this.#pick(['X-A', 'Host', 'constructor', '__proto__'])
      default:
        return this.#pick(['text', 'a/b', '/', '200', '', 'ä', '${X}'])
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]!
  }
}

/** `${NAME}` may stand for any scalar; that is another test's. */
function isNotVariable({ pattern }: Node): boolean {
  return pattern !== '\\$\\{'
}

/** One slip of the hand somewhere in a configuration. */
export function mutateConfig(config: unknown, random: Seeded): void {
  const places: { holder: Record<string, unknown>; key: string }[] = []
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, key })
      collect((value as Record<string, unknown>)[key])
    }
  }
  collect(config)
  const place = places[random.below(places.length)]
  if (place === undefined) return
  const { holder, key } = place
  const value = holder[key]
  const slips: (() => void)[] = [
    () => (holder[key] = Array.isArray(value) ? (value as unknown[])[0] : [value]),
    () => (holder[key] = Array.isArray(value) ? (value as unknown[])[0] : value),
    () => delete holder[key],
    () => (holder[key] = null),
    () => (holder[key] = JSON.stringify(value)),
    () => (holder[key] = [value, value]),
    () => (holder[key] = { [String(key)]: value }),
    () => (holder[key] = {}),
    () => (holder[key] = [undefined, 0, -1, '', 'nope', true, 1e21, {}, []][random.below(9)])
  ]
  slips[random.below(slips.length)]!()
}
