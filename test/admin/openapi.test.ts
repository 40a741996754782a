import t from 'tap'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { endpoints } from '../../src/admin/api/endpoints.ts'
import { startAdmin } from './fixtures/fake-control-plane.ts'
import { ask, askJson } from './fixtures/raw-request.ts'

interface Schema {
  $ref?: string
  type?: string
  const?: unknown
  enum?: unknown[]
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
  allOf?: Schema[]
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a YAML file has any shape
const api = parse(readFileSync(new URL('../../docs/openapi.yaml', import.meta.url), 'utf8')) as any

function resolve<T>(node: T & { $ref?: string }): T {
  if (node.$ref === undefined) return node
  let found = api
  for (const key of node.$ref.slice(2).split('/')) found = found[key]
  return found as T
}

/** What in `value` the schema does not say: enough of JSON Schema for our file. */
function mismatches(given: Schema, value: unknown, at: string): string[] {
  const schema = resolve(given)
  if (schema.allOf !== undefined) return schema.allOf.flatMap((part) => mismatches(part, value, at))
  if (schema.const !== undefined) return value === schema.const ? [] : [`${at} is not ${schema.const}`]
  if (schema.enum !== undefined) return schema.enum.includes(value) ? [] : [`${at} is not in the enum`]
  switch (schema.type) {
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === schema.type ? [] : [`${at} is no ${schema.type}`]
    case 'integer':
      return Number.isInteger(value) ? [] : [`${at} is no integer`]
    case 'array':
      if (!Array.isArray(value)) return [`${at} is no array`]
      return value.flatMap((item, index) => mismatches(schema.items ?? {}, item, `${at}[${index}]`))
    case 'object': {
      if (typeof value !== 'object' || value === null) return [`${at} is no object`]
      const missing = (schema.required ?? [])
        .filter((key) => !(key in value))
        .map((key) => `${at}.${key} is missing`)
      if (schema.properties === undefined) return missing
      const told = Object.entries(value).flatMap(([key, item]) => {
        const property = schema.properties![key]
        return property === undefined
          ? [`${at}.${key} is not in the file`]
          : mismatches(property, item, `${at}.${key}`)
      })
      return [...missing, ...told]
    }
    default:
      return [`${at}: the schema says nothing`]
  }
}

function answerSchema(path: string, method: string, status: string): Schema {
  const responses = api.paths[path][method].responses
  return resolve<{ content: { 'application/json': { schema: Schema } } }>(
    responses[status] ?? responses.default
  ).content['application/json'].schema
}

t.test('the file tells of every path and method, and of no other', async (t) => {
  const served = endpoints.flatMap(({ path, get, post }) => {
    const template = path.replaceAll(/:(\w+)/g, '{$1}')
    return [...(get ? ['get'] : []), ...(post ? ['post', 'patch'] : [])].map(
      (method) => `${method} ${template}`
    )
  })
  const told = Object.entries(api.paths as Record<string, object>).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => key !== 'parameters')
      .map((method) => `${method} ${path}`)
  )
  t.strictSame(told.sort(), served.sort())
})

t.test('every reference leads somewhere', async (t) => {
  for (const [, ref] of JSON.stringify(api).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    t.ok(resolve({ $ref: `#/${ref}` }) !== undefined, ref!)
  }
})

t.test('answers are what the file says', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  const backend = '/api/pools/{pool}/backends/{backend}'
  const get: [string, string][] = [
    ['/healthz', '/healthz'],
    ['/readyz', '/readyz'],
    ['/api/info', '/api/info'],
    ['/api/listeners', '/api/listeners'],
    ['/api/connections', '/api/connections'],
    ['/api/pools', '/api/pools'],
    ['/api/pools/{pool}', '/api/pools/web'],
    [backend, '/api/pools/web/backends/a'],
    ['/api/caches', '/api/caches']
  ]
  for (const [path, target] of get) {
    const { status, json } = await ask(url + target)
    t.equal(status, 200)
    t.strictSame(mismatches(answerSchema(path, 'get', '200'), json, path), [])
  }
  const changed = await askJson(`${url}/api/pools/web/backends/a`, 'POST', { state: 'maint' })
  t.strictSame(mismatches(answerSchema(backend, 'post', '200'), changed.json, 'change'), [])
  const purged = await askJson(`${url}/api/cache/purge`, 'POST', { all: true })
  t.strictSame(mismatches(answerSchema('/api/cache/purge', 'post', '200'), purged.json, 'purge'), [])
  const explained = await askJson(`${url}/api/explain`, 'POST', { url: 'http://example.com/a' })
  t.strictSame(mismatches(answerSchema('/api/explain', 'post', '200'), explained.json, 'explain'), [])
  const reloaded = await ask(`${url}/api/reload`, { method: 'POST' })
  t.strictSame(mismatches(answerSchema('/api/reload', 'post', '200'), reloaded.json, 'reload'), [])

  const missing = await ask(`${url}/api/pools/nope`)
  t.strictSame(mismatches(answerSchema('/api/pools/{pool}', 'get', '404'), missing.json, 'error'), [])
  plane.report = { changed: false, lines: [], errors: ['no'] }
  const refused = await ask(`${url}/api/reload`, { method: 'POST' })
  t.equal(refused.status, 422)
  t.match(refused.json, { error: { code: 'bad-config' }, changed: false, errors: ['no'] })
})
