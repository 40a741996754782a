import t from 'tap'
import { configFromObject } from '../../src/config/parse-config.ts'

/** The scopes of the routes of these listeners, in order. */
function scopes(...listeners: object[][]): (string | undefined)[] {
  const result = configFromObject({
    listeners: listeners.map((routes, n) => ({
      name: `l${n}`,
      bind: `127.0.0.1:${8000 + n}`,
      mode: 'l7',
      routes
    })),
    pools: { a: { backends: ['127.0.0.1:1'] }, b: { backends: ['127.0.0.1:2'] } },
    caches: { main: { maxBytes: '8mb' }, other: { maxBytes: '8mb' } }
  })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.config.listeners.flatMap((listener) =>
    listener.mode === 'l7' ? listener.routes.map(({ cache }) => cache?.key.scope) : []
  )
}

const route = (match: object = {}, pool = 'a', cache: object = {}) => ({
  match,
  pool,
  cache: { store: 'main', ...cache }
})

t.test('routes that the URL tells apart share their keys', async (t) => {
  const site = [
    route({ host: 'x' }),
    route({ pathPrefix: '/api' }, 'b'),
    route({ methods: ['GET'] }),
    route()
  ]
  t.strictSame(scopes(site), [undefined, undefined, undefined, undefined])
  t.strictSame(scopes([route()], [route()]), [undefined, undefined], 'the same over two listeners')
  t.strictSame(scopes([route()], [route({}, 'b', { store: 'other' })]), [undefined, undefined], 'two stores')
  t.strictSame(
    scopes([route({ host: 'x' })], [route({ host: 'y' }, 'b')]),
    [undefined, undefined],
    'other hosts'
  )
})

t.test('routes that only fields, addresses or listeners tell apart do not', async (t) => {
  t.strictSame(scopes([route({ headers: { 'X-Canary': '1' } }, 'b'), route()]), ['x-canary=1', undefined])
  t.strictSame(scopes([route({ clientIp: ['10.0.0.0/8'] }, 'b'), route()]), ['10.0.0.0/8', undefined])
  const query = { query: { beta: '1' } }
  t.strictSame(scopes([route(query, 'b'), route()]), [undefined, undefined], 'the query is in the key')
  t.strictSame(scopes([route(query, 'b', { key: { ignoreQuery: ['b*'] } }), route()]), ['?beta=1', undefined])
  t.strictSame(scopes([route()], [route({}, 'b')]), ['l0', 'l1'])
  t.strictSame(scopes([route({ host: 'x' })], [route({ host: '*.y' }, 'b')]), ['l0', 'l1'])
  const many = Array.from({ length: 20 }, (_, n) => `10.0.${n}.0/24`)
  t.match(scopes([route({ clientIp: many }, 'b')]), [/^[0-9a-f]{16}$/])
})
