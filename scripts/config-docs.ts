/**
 * Fills the tables of docs/config.md from the schema: `npx node scripts/config-docs.ts`. What stands between
 * `<!-- keys: NAME -->` and `<!-- end -->` is generated; the rest is written by hand. A test compares both.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { rootSchema } from '../src/config/schema/root.ts'
import { stageKeyNames } from '../src/config/schema/stage-schema.ts'

interface Schema {
  readonly title?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly propertyNames?: Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
}

export interface Row {
  /** As written in the table, relative to its section: `timeouts.idle`. */
  readonly key: string
  /** From the root: `pools.*.timeouts.idle`. */
  readonly path: string
  readonly type: string
  readonly default: string
  readonly meaning: string
}

const root = z.toJSONSchema(rootSchema, { io: 'input', unrepresentable: 'any' }) as Schema
const [l4, l7] = variants(items(root.properties!['listeners']!)) as [Schema, Schema]
const route = items(l7.properties!['routes']!)
const pool = root.properties!['pools']!.additionalProperties as Schema
const probes = variants(pool.properties!['health']!)
const common = [
  'mode',
  'name',
  'bind',
  'allow',
  'deny',
  'maxConnections',
  'connectionLimit',
  'proxyProtocol',
  'socket'
]

/** The tables of the page, in its order. What another table has is left out, or named in `brief` form: one row. */
const sections: Readonly<Record<string, () => Row[]>> = {
  top: () => rows(root, '', { brief: ['listeners', 'pools', 'caches', 'tests'] }),
  listeners: () => [...rows(l4, 'listeners[]', { only: common }).map(eitherMode)],
  l4: () => rows(l4, 'listeners[]', { without: common }),
  l7: () =>
    rows(l7, 'listeners[]', {
      without: common,
      brief: ['routes', 'headers', 'cache', 'retry', 'limits', ...stageKeyNames]
    }),
  limits: () => rows(mappingOf(l7.properties!['limits']!)!, 'listeners[].limits'),
  routes: () =>
    rows(route, 'listeners[].routes[]', {
      brief: ['match', 'headers', 'cache', 'limits', 'retry', ...stageKeyNames]
    }),
  match: () => rows(route.properties!['match']!, 'listeners[].routes[].match', { brief: ['any', 'not'] }),
  headers: () => rows(route.properties!['headers']!, 'listeners[].routes[].headers'),
  cache: () => rows(mappingOf(route.properties!['cache']!)!, 'listeners[].routes[].cache'),
  stages: () => rows(l7, 'listeners[]', { only: stageKeyNames }),
  pools: () => rows(pool, 'pools.*', { brief: ['backends', 'health', 'discover'] }),
  backends: () => rows(mappingOf(items(pool.properties!['backends']!))!, 'pools.*.backends[]'),
  discover: () =>
    variants(pool.properties!['discover']!).flatMap((source) => rows(source, 'pools.*.discover')),
  health: () => probeRows(),
  tests: () => rows(items(root.properties!['tests']!), 'tests[]'),
  caches: () => rows(root.properties!['caches']!.additionalProperties as Schema, 'caches.*')
}

/** Every row of the page, for the test that compares them with the schema. */
export function allRows(): Row[] {
  return Object.values(sections).flatMap((section) => section())
}

/** The page with its tables filled anew. */
export function fillTables(page: string): string {
  return page.replace(
    /(<!-- keys: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => {
      const section = sections[name]
      if (section === undefined)
        throw new Error(`docs/config.md asks for the table "${name}", which is not there`)
      return `${start}\n${table(section())}\n\n${end}`
    }
  )
}

export function sectionNames(): string[] {
  return Object.keys(sections)
}

interface Choice {
  readonly only?: readonly string[]
  readonly without?: readonly string[]
  readonly brief?: readonly string[]
}

function rows(schema: Schema, base: string, { only, without = [], brief = [] }: Choice = {}): Row[] {
  return Object.keys(schema.properties ?? {})
    .filter((key) => (only === undefined || only.includes(key)) && !without.includes(key))
    .flatMap((key) => rowsOf(schema, key, base, '').slice(0, brief.includes(key) ? 1 : undefined))
}

function rowsOf(parent: Schema, key: string, base: string, prefix: string): Row[] {
  const schema = parent.properties![key]!
  const path = base === '' ? key : `${base}.${key}`
  const shown = `${prefix}${key}`
  const row = {
    key: shown,
    path,
    type: typeText(schema),
    default: defaultText(schema, parent.required?.includes(key) === true),
    meaning: schema.description ?? ''
  }
  const list = variants(schema).find((variant) => variant.type === 'array')
  const named = valuesOf(schema)
  const inner = named ?? mappingOf(list === undefined ? schema : items(schema))
  if (inner === undefined) return [row]
  const [innerBase, innerPrefix] =
    named !== undefined
      ? [`${path}.*`, `${shown}.*.`]
      : list === undefined
        ? [path, `${shown}.`]
        : [`${path}[]`, `${shown}[].`]
  const innerRows = Object.keys(inner.properties!).flatMap((name) =>
    rowsOf(inner, name, innerBase, innerPrefix)
  )
  // A mapping in place of the list, which is not one of its items.
  const other = list && variants(schema).find(({ properties }) => properties && !sameKeys(properties, inner))
  const otherRows = Object.keys(other?.properties ?? {}).flatMap((name) =>
    // A list of the same items has been described.
    rowsOf(other!, name, path, `${shown}.`).slice(0, name === 'methods' ? 1 : undefined)
  )
  return [row, ...innerRows, ...otherRows]
}

function sameKeys(properties: object, { properties: others = {} }: Schema): boolean {
  return Object.keys(properties).join() === Object.keys(others).join()
}

/** One table for all probes: which types know a key stands in its meaning. */
function probeRows(): Row[] {
  const types = probes.map((probe) => String(probe.properties!['type']!.const))
  const byKey = new Map<string, { row: Row; of: string[] }>()
  for (const [index, probe] of probes.entries()) {
    for (const row of rows(probe, 'pools.*.health')) {
      const known = byKey.get(row.key)
      if (known === undefined) byKey.set(row.key, { row, of: [types[index]!] })
      else known.of.push(types[index]!)
    }
  }
  return [...byKey.values()].map(({ row, of }) => {
    if (row.key === 'type') {
      const kinds = probes.map(
        ({ properties }) =>
          `\`${String(properties!['type']!.const)}\`: ${lowerFirst(properties!['type']!.description!)}`
      )
      return { ...row, type: types.map(code).join(', '), meaning: kinds.join(' ').replaceAll('. `', '; `') }
    }
    if (of.length === types.length) return row
    return { ...row, meaning: `(${of.map(code).join(', ')}) ${row.meaning}` }
  })
}

function eitherMode(row: Row): Row {
  if (row.key !== 'mode') return row
  const meanings = [l4, l7].map(({ properties }) => properties!['mode']!)
  const meaning = meanings.map((mode) => `\`${String(mode.const)}\`: ${mode.description}`).join(' ')
  return { ...row, type: meanings.map((mode) => code(mode.const)).join(', '), meaning }
}

function typeText(schema: Schema): string {
  if (schema.title !== undefined) return schema.title
  const union = variants(schema)
  if (union.length > 1) {
    const lone = union.filter((variant) => variant.type !== 'array')
    const kinds = [...new Set(lone.map(typeText))].join(' or ')
    if (lone.length === union.length) return kinds
    return kinds === 'mapping' ? 'list of mappings' : `${kinds}, or a list`
  }
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ')
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`
  if (schema.type === 'integer' || schema.type === 'number') return `${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'boolean') return '`true`, `false`'
  if (schema.type === 'object') {
    const values = schema.additionalProperties
    return typeof values === 'object'
      ? `mapping of ${typeText(schema.propertyNames ?? {})} to ${typeText(values)}`
      : 'mapping'
  }
  return 'text'
}

function defaultText(schema: Schema, required: boolean): string {
  if (required) return 'required'
  const value = schema.default
  if (value === undefined || value === '') return ''
  if (typeof value === 'object') {
    return Array.isArray(value) && value.length > 0 ? `\`[${value.join(', ')}]\`` : ''
  }
  return code(value)
}

function code(value: unknown): string {
  return `\`${String(value)}\``
}

function lowerFirst(text: string): string {
  return /^[A-Z]{2}/.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1)
}

/** A union's members, with unions inside of it laid open; a schema that is none is its only member. */
function variants(schema: Schema): readonly Schema[] {
  if (schema.title !== undefined) return [schema]
  const union = schema.anyOf ?? schema.oneOf
  return union === undefined ? [schema] : union.flatMap(variants)
}

function mappingOf(schema: Schema): Schema | undefined {
  const found = variants(schema).filter((variant) => variant.properties !== undefined)
  return found.length === 1 ? found[0] : undefined
}

/** Of a mapping by name whose values are mappings: theirs. */
function valuesOf(schema: Schema): Schema | undefined {
  const values = variants(schema).find(({ additionalProperties }) => typeof additionalProperties === 'object')
  return values === undefined ? undefined : mappingOf(values.additionalProperties as Schema)
}

function items(schema: Schema): Schema {
  const list = variants(schema).find((variant) => variant.type === 'array')
  return list?.items ?? schema
}

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) =>
    [code(row.key), row.type, row.default, row.meaning].map((cell) => cell.replaceAll('|', '\\|'))
  )
  return [
    '| key | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...cells.map((cell) => `| ${cell.join(' | ')} |`)
  ].join('\n')
}

if (process.argv[1] === import.meta.filename) {
  const file = join(import.meta.dirname, '..', 'docs', 'config.md')
  writeFileSync(file, fillTables(readFileSync(file, 'utf8')))
}
