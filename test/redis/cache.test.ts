import t from 'tap'
import { ask, originOf, two } from './support/caching.ts'
import { skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

t.test(
  'what one instance has stored, the other answers: small, empty, large, varied and in parts',
  { skip },
  async (t) => {
    const large = Buffer.alloc(1_500_000, Array.from({ length: 251 }, (_, i) => i) as never).toString(
      'latin1'
    )
    const origin = await originOf(t, (request, response) => {
      const headers: Record<string, string> = { 'cache-control': 'max-age=100', etag: '"1"', age: '7' }
      if (request.url === '/large') return response.writeHead(200, headers).end(Buffer.from(large, 'latin1'))
      if (request.url === '/empty') return response.writeHead(200, headers).end()
      if (request.url === '/vary') {
        const language = String(request.headers['x-kind'])
        return response.writeHead(200, { ...headers, vary: 'x-kind' }).end(language)
      }
      if (request.headers.range === 'bytes=0-4') {
        return response.writeHead(206, { ...headers, 'content-range': 'bytes 0-4/10' }).end('01234')
      }
      // Whoever asks before the part is in Redis must not store the whole in its place.
      if (request.url === '/part') {
        return response.writeHead(200, { 'cache-control': 'no-store' }).end('0123456789')
      }
      return response.writeHead(200, headers).end('small')
    })
    const { a, b } = await two(t, origin)
    for (const [path, body] of [
      ['/small', 'small'],
      ['/empty', ''],
      ['/large', large]
    ] as const) {
      const first = await ask(a, path)
      t.match(first.status9211, 'stored', path)
      await until('it is in Redis', async () => (await ask(b, path)).status9211.includes('hit'))
      const second = await ask(b, path)
      t.ok(second.body === body, `${path}: the same body`)
      t.ok(second.age >= 7 && second.age < 60, `${path}: its age goes on: ${second.age}`)
    }
    for (const kind of ['one', 'two']) {
      await ask(a, '/vary', { 'x-kind': kind })
      await until('the variant is there', async () => {
        const got = await ask(b, '/vary', { 'x-kind': kind })
        return got.status9211.includes('hit') && got.body === kind
      })
    }
    await ask(a, '/part', { range: 'bytes=0-4' })
    await until('the part is there', async () => {
      const got = await ask(b, '/part', { range: 'bytes=1-3' })
      return got.status9211.includes('hit') && got.body === '123'
    })
  }
)

t.test('many who ask both instances at once are one request to the origin', { skip }, async (t) => {
  const origin = await originOf(t, (_request, response) => {
    setTimeout(() => response.writeHead(200, { 'cache-control': 'max-age=100' }).end('slow'), 300)
  })
  const { a, b } = await two(t, origin)
  const all = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i % 2 ? a : b, '/slow')))
  t.ok(all.every(({ status, body }) => status === 200 && body === 'slow'))
  t.strictSame(origin.asked, ['GET /slow'])
})

t.test('who fetches for all and dies is stood in for', { skip }, async (t) => {
  let first = true
  const origin = await originOf(t, (_request, response) => {
    if (!first) response.writeHead(200, { 'cache-control': 'max-age=100' }).end('second')
    first = false
  })
  const { a, b } = await two(t, origin)
  ask(a, '/dies').catch(() => {})
  await until('a fetches it', () => origin.asked.length === 1)
  const waiting = ask(b, '/dies')
  await a.kill()
  t.equal((await waiting).body, 'second')
})

t.test('an unsafe request through one instance removes the URL from the other', { skip }, async (t) => {
  let version = 0
  const origin = await originOf(t, (request, response) => {
    if (request.method === 'POST') version++
    response.writeHead(200, { 'cache-control': 'max-age=1000' }).end(`v${version}`)
  })
  const { a, b } = await two(t, origin)
  await ask(a, '/')
  await until('both have it', async () => (await ask(b, '/')).status9211.includes('hit'))
  await ask(a, '/', {}, 'POST')
  t.equal((await ask(a, '/')).body, 'v1')
  await until('the other has heard', async () => (await ask(b, '/')).body === 'v1')
})

t.test('what one instance has renewed, the other does not ask for again', { skip }, async (t) => {
  const origin = await originOf(t, (request, response) => {
    const renewed = request.headers['if-none-match'] === '"1"'
    response.writeHead(renewed ? 304 : 200, { 'cache-control': `max-age=${renewed ? 1000 : 1}`, etag: '"1"' })
    response.end(renewed ? undefined : 'body')
  })
  const { a, b } = await two(t, origin)
  await ask(a, '/')
  await until(
    'both have it',
    async () => (await ask(b, '/')).status9211.includes('hit') || origin.asked.length > 1
  )
  await until('b has renewed it', async () => {
    await ask(b, '/')
    return origin.asked.length === 2
  })
  for (const instance of [a, b, a]) {
    const { body, status9211 } = await ask(instance, '/')
    t.equal(body, 'body')
    t.match(status9211, 'hit')
  }
  t.equal(origin.asked.length, 2)
})
