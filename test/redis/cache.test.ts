import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { cachingInstance, type CachingInstance, type Origin, originOf } from './support/caching.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

/** Both ask the origin under this name, so that they share what they store. */
const HOST = 'site.test'

interface Two {
  readonly server: RedisServer
  readonly a: CachingInstance
  readonly b: CachingInstance
}

async function two(t: Test, origin: Origin, timeout = '5s', workers = 0): Promise<Two> {
  const server = new RedisServer(t)
  await server.start()
  const redis = { url: `unix:${server.path}`, timeout }
  const a = await cachingInstance(t, redis, origin, workers)
  const b = await cachingInstance(t, redis, origin, workers)
  return { server, a, b }
}

/** As a client of the site, whichever instance it comes to. */
async function ask(
  { url }: CachingInstance,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET'
): Promise<{ status: number; body: string; status9211: string; age: number }> {
  const asking = request(`${url}${path}`, { method, headers: { host: HOST, ...headers } })
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode!,
    body: Buffer.concat(chunks).toString('latin1'),
    status9211: String(response.headers['cache-status'] ?? ''),
    age: Number(response.headers['age'] ?? -1)
  }
}

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

t.test(
  'a purge of one instance reaches the other, by URL, prefix, tag and all, and one whose message is missed',
  { skip },
  async (t) => {
    let version = 0
    const origin = await originOf(t, (request, response) => {
      response
        .writeHead(200, { 'cache-control': 'max-age=1000', 'surrogate-key': `k-${request.url!.slice(1)}` })
        .end(`v${version}`)
    })
    const { a, b, server } = await two(t, origin)
    const inBoth = async (path: string) => {
      await ask(a, path)
      await until('both have it', async () => (await ask(b, path)).status9211.includes('hit'))
    }
    for (const [path, target] of [
      ['/url', { url: `http://${HOST}/url` }],
      ['/prefix/x', { prefix: `http://${HOST}/prefix/` }],
      ['/tag', { tag: 'k-tag' }],
      ['/all', { all: true }]
    ] as const) {
      await inBoth(path)
      version++
      const { unsent } = await a.purge(target)
      const from = performance.now()
      t.equal(unsent, undefined, 'Redis has heard of it')
      t.equal((await ask(a, path)).body, `v${version}`, `${path}: nothing older here`)
      await until('the other has heard', async () => (await ask(b, path)).body === `v${version}`)
      t.comment(`${path}: the other after ${Math.round(performance.now() - from)} ms`)
    }
    await inBoth('/missed')
    version++
    // A server of the same content that tells nobody.
    server.cli('client', 'pause', '1', 'write')
    const number = Number(server.cli('get', 'lb:cache:{main}:purges')) + 1
    server.cli(
      'rpush',
      'lb:cache:{main}:purge-log',
      `${number} {"kind":"url","value":"http://${HOST}/missed"}`
    )
    server.cli('set', 'lb:cache:{main}:purges', String(number))
    await until('both have looked', async () => {
      const bodies = [(await ask(a, '/missed')).body, (await ask(b, '/missed')).body]
      return bodies.every((body) => body === `v${version}`)
    })
  }
)

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

t.test('what is damaged or half gone is a miss', { skip }, async (t) => {
  const origin = await originOf(t, (_request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=1000' }).end('x'.repeat(200_000))
  })
  const { a, b, server } = await two(t, origin)
  const heads = () =>
    server
      .cli('--scan', '--pattern', 'lb:cache:{main:*}')
      .trim()
      .split('\n')
      .filter((name) => name.endsWith('}'))
  const piece = (n: number) => server.cli('--scan', '--pattern', `*:${n}`).trim()
  for (const [what, damage] of [
    ['a piece is gone', () => server.cli('del', piece(2))],
    ['a piece is another', () => server.cli('setrange', piece(1), '9', 'y')],
    ['a piece is shorter', () => server.cli('set', piece(3), 'x')],
    ['the head is another', () => server.cli('setrange', heads()[0]!, '80', '"')],
    ['the head is garbage', () => server.cli('set', heads()[0]!, 'garbage')],
    ['the head is a list', () => (server.cli('del', heads()[0]!), server.cli('rpush', heads()[0]!, 'x'))]
  ] as const) {
    server.cli('flushall')
    await a.purge({ all: true })
    await b.purge({ all: true })
    await ask(a, '/body')
    await until('it is in Redis', () => heads().length === 1)
    damage()
    const got = await ask(b, '/body')
    t.equal(got.status, 200, what)
    t.equal(got.body.length, 200_000, what)
    t.match(got.status9211, 'fwd', what)
  }
})

t.test(
  'Redis stops, dies, comes back and is full: every request is answered, and none waits',
  { skip },
  async (t) => {
    const origin = await originOf(t, (request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=1000' }).end(request.url)
    })
    const { a, b, server } = await two(t, origin, '50ms')
    let turn = 0
    const phase = async (what: string) => {
      const end = Date.now() + 700
      let worst = 0
      let wrong = 0
      while (Date.now() < end) {
        const paths = Array.from({ length: 10 }, () => `/${what}/${++turn % 50}/${turn % 7}`)
        const from = performance.now()
        const all = await Promise.all(paths.map((path, i) => ask(i % 2 ? a : b, path)))
        worst = Math.max(worst, performance.now() - from)
        wrong += all.filter(({ status, body }, i) => status !== 200 || body !== paths[i]).length
      }
      t.equal(wrong, 0, `${what}: all are answered`)
      t.ok(worst < 1500, `${what}: ten at once took ${Math.round(worst)} ms at most`)
    }
    await phase('there')
    server.signal('SIGSTOP')
    await phase('stopped')
    server.signal('SIGCONT')
    await phase('going-on')
    await server.stop()
    await phase('killed')
    await server.startAgain()
    await phase('again')
    server.cli('config', 'set', 'maxmemory', '1')
    await phase('full')
    server.cli('config', 'set', 'maxmemory', '0')
    await sleep(0)
    await phase('not-full')
    // Somebody else's data, under all names of this cache.
    const names = server.cli('--scan', '--pattern', 'lb:cache:*').trim().split('\n')
    spawnSync('redis-cli', ['-s', server.path, 'mset', ...names.flatMap((name) => [name, 'other'])])
    await phase('other')
  }
)
