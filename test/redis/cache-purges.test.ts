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
