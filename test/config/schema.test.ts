import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { allRows, fillTables, sectionNames } from '../../scripts/config-docs.ts'
import { stageKeyNames } from '../../src/config/schema/stage-schema.ts'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { inlineJsonSchema, jsonSchema } from '../../src/config/schema/json/json-schema.ts'
import { parseConfig } from '../../src/config/parse-config.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/config.md'), 'utf8')

type Node = Record<string, unknown>

/** Every property of the schema with its path; lists and mappings by name are `[]` and `*`. */
function* properties(node: Node, path: string): Generator<{ path: string; node: Node }> {
  for (const [key, inner] of Object.entries((node['properties'] ?? {}) as Record<string, Node>)) {
    const at = path === '' ? key : `${path}.${key}`
    yield { path: at, node: inner }
    yield* properties(inner, at)
  }
  for (const union of [node['anyOf'], node['oneOf']]) {
    for (const inner of (union ?? []) as Node[]) yield* properties(inner, path)
  }
  if (node['items'] !== undefined) yield* properties(node['items'] as Node, `${path}[]`)
  if (typeof node['additionalProperties'] === 'object') {
    yield* properties(node['additionalProperties'] as Node, `${path}.*`)
  }
}

/** What a listener or a lone item has in common with the place that the page describes. */
function documentedPath(path: string): string {
  return path
    .replace(/^(tests|listeners|pools\.\*\.backends|listeners\[\]\.routes)\./, '$1[].')
    .replace(/^listeners\[\]\.routes\./, 'listeners[].routes[].')
    .replace(/^listeners\[\]\.(headers|cache)\./, 'listeners[].routes[].$1.')
    .replace(/\.match\.(?:any|not)(?:\[\])?\./, '.match.')
    .replace(/^listeners\[\]\.routes\[\]\.limits\./, 'listeners[].limits.')
    .replace(/^listeners\[\](\.routes\[\])?\.retry\./, 'pools.*.retry.')
    .replace(/^acme\.directory\./, 'acme.directory[].')
    .replace(/\.(sni|certificates|split)\.(?!dir)/, '.$1[].')
}

/** The keys of stages stand in one table, for listeners and routes; which of them are lists is not said in a path. */
function withoutPlace(path: string): string {
  const [, , key, rest] = /^listeners(\[\])?\.(?:routes(?:\[\])?\.)?(\w+)((?:\[\])?\..*)?$/.exec(path) ?? []
  if (key === undefined || rest === undefined || !stageKeyNames.includes(key)) return path
  return `${key}${rest.replaceAll('[]', '')}`.replace('auth.methods.', 'auth.')
}

t.test('every key has a description', async (t) => {
  const missing = [...properties(inlineJsonSchema() as Node, '')].filter(({ node }) => !node['description'])
  t.same(
    missing.map(({ path }) => path),
    []
  )
})

t.test('every key is in a table of docs/config.md, and the tables are those of the schema', async (t) => {
  const documented = new Set(allRows().map((row) => withoutPlace(row.path)))
  const known = new Set(
    [...properties(inlineJsonSchema() as Node, '')].map(({ path }) => withoutPlace(documentedPath(path)))
  )
  t.same(
    [...known].filter((path) => !documented.has(path)),
    []
  )
  t.same(
    [...documented].filter((path) => !known.has(path)),
    []
  )
  for (const name of sectionNames()) t.match(page, `<!-- keys: ${name} -->`)
  t.equal(fillTables(page), page, 'run: npx node scripts/config-docs.ts')
})

t.test('every example of docs/config.md is a configuration', async (t) => {
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!)
  t.ok(blocks.length > 8)
  for (const block of blocks) {
    const result = parseConfig(block, { file: 'docs', env: {} })
    // An example of one key leaves out what is not its subject.
    const left = result.ok
      ? []
      : result.problems.filter(
          ({ severity, message }) =>
            severity === 'error' &&
            !/^there is no pool|^missing key "listeners"|cannot read the secret/.test(message)
        )
    t.same(formatProblems(left), '', block)
  }
})

t.test('the JSON Schema takes what lb takes, variables too, and refuses an unknown key', async (t) => {
  const schema = z.fromJSONSchema(jsonSchema() as never)
  const config = {
    workers: 2,
    listeners: [
      { bind: ':80', mode: 'l7', routes: [{ match: { host: 'a.example' }, pool: 'web', cache: false }] },
      { bind: ['[::]:80'], mode: 'l4', pool: 'web', timeouts: { idle: '10m' } }
    ],
    pools: { web: { backends: ['a:80', { address: 'b:80', weight: '${WEIGHT}' }], retry: { budget: '20%' } } }
  }
  t.match(schema.safeParse(config), { success: true })
  t.match(schema.safeParse({ ...config, listners: [] }), { success: false })
  t.match(schema.safeParse({ ...config, pools: { web: { backends: ['a:80'], slowStart: 10 } } }), {
    success: false
  })
  t.equal((jsonSchema() as Node)['$schema'], 'https://json-schema.org/draft/2020-12/schema')
})

t.test('the JSON Schema is small, and whatever is a mapping in it has a name and a title', async (t) => {
  const schema = jsonSchema() as Node
  t.ok(JSON.stringify(schema, null, 2).length < 200_000)
  t.ok(JSON.stringify(schema).length < JSON.stringify(inlineJsonSchema()).length / 2)
  const definitions = schema['$defs'] as Record<string, Node>
  for (const [name, definition] of Object.entries(definitions)) {
    t.type(definition['title'], 'string', name)
    t.notMatch(JSON.stringify(Object.values(definition)), /"properties":.*"properties":/, name)
  }
  const referred = JSON.stringify(schema).match(/#\/\$defs\/[^"]+/g)!
  for (const reference of new Set(referred)) t.ok(Object.hasOwn(definitions, reference.slice(8)), reference)
})
