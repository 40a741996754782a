import t from 'tap'
import { ask, HOST, originOf, two } from './support/caching.ts'
import { skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

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
    const times: number[] = []
    for (let i = 0; i < 20; i++) {
      await inBoth('/soon')
      version++
      const from = performance.now()
      await a.purge({ url: `http://${HOST}/soon` })
      while ((await ask(b, '/soon')).body !== `v${version}`);
      times.push(performance.now() - from)
    }
    const median = times.sort((x, y) => x - y)[10]!
    t.ok(median <= 100, `the other has heard of a purge after ${median.toFixed(1)} ms, the median of 20`)
    const before = Number(server.cli('get', 'lb:cache:{main}:purges'))
    const many = await Promise.all(Array.from({ length: 30 }, (_, i) => a.purge({ tag: `many-${i}` })))
    t.ok(many.every(({ unsent }) => unsent === undefined))
    t.equal(
      Number(server.cli('get', 'lb:cache:{main}:purges')),
      before + 30,
      'purges that come while others are on their way are told, too'
    )
    await inBoth('/missed')
    version++
    // A server of the same content that tells nobody.
    server.cli('client', 'pause', '1', 'write')
    const number = Number(server.cli('get', 'lb:cache:{main}:purges')) + 1
    server.cli(
      'rpush',
      'lb:cache:{main}:purge-log',
      `${number} {"kind":"url","values":["http://${HOST}/missed"]}`
    )
    server.cli('set', 'lb:cache:{main}:purges', String(number))
    await until('both have looked', async () => {
      const bodies = [(await ask(a, '/missed')).body, (await ask(b, '/missed')).body]
      return bodies.every((body) => body === `v${version}`)
    })
  }
)

t.test(
  'a soft purge of several URLs makes them stale in memory, in the other instance and in Redis, and one revalidates for both',
  { skip },
  async (t) => {
    const origin = await originOf(t, (request, response) => {
      const known = request.headers['if-none-match'] === '"1"'
      response.writeHead(known ? 304 : 200, { 'cache-control': 'max-age=1000', etag: '"1"' })
      response.end(known ? undefined : 'body')
    })
    const { a, b, server } = await two(t, origin)
    await ask(a, '/both')
    await until('both have it', async () => (await ask(b, '/both')).status9211.includes('hit'))
    await ask(a, '/one')
    await until(
      'it is in Redis',
      () => server.cli('--scan', '--pattern', 'lb:cache:{main:*}').trim().split('\n').length >= 2
    )
    const url = [`http://${HOST}/both`, `http://${HOST}/one`]
    t.match(await a.purge({ url, soft: true }), { purged: 2 })
    const first = await ask(a, '/both')
    t.match([first.status9211, first.body], ['fwd=stale; fwd-status=304', 'body'])
    await until('the other has it renewed', async () =>
      /hit; ttl=1000|hit; ttl=99/.test((await ask(b, '/both')).status9211)
    )
    t.ok(origin.asked.filter((line) => line.endsWith('/both')).length <= 3, 'asked for, and confirmed')
    // The other has it from Redis only.
    const loaded = await ask(b, '/one')
    t.match([loaded.status9211, loaded.body], ['fwd=stale; fwd-status=304', 'body'])
    t.match((await ask(b, '/one')).status9211, 'hit')
    await a.purge({ url, soft: true })
    await until('the other has heard', async () => {
      const got = await fetch(`${b.admin}/api/caches`, { headers: { connection: 'close' } })
      return ((await got.json()) as { caches: [{ redis: { heard: number } }] }).caches[0].redis.heard === 2
    })
    t.match((await ask(b, '/both')).status9211, 'fwd=stale; fwd-status=304', 'its memory is stale')
  }
)
