import t from 'tap'
import { ask, cachingInstance, originOf } from './support/caching.ts'
import { redisCluster } from './support/redis-places.ts'
import { skip, until } from './support/redis-server.ts'

t.setTimeout(240_000)

t.test(
  'a cluster ends the connections that hear: no instance keeps what was removed meanwhile',
  { skip },
  async (t) => {
    let version = 0
    const origin = await originOf(t, (request, response) => {
      if (request.method === 'POST') version++
      response.writeHead(200, { 'cache-control': 'max-age=1000' }).end(String(version))
    })
    const nodes = await redisCluster(t)
    const redis = { url: `redis+cluster://127.0.0.1:${nodes[0].port}`, timeout: '1s' }
    const a = await cachingInstance(t, redis, origin)
    const b = await cachingInstance(t, redis, origin)
    const listeners = () =>
      nodes.reduce(
        (sum, node) =>
          sum + Number(/:news\n(\d+)/.exec(node.cli('pubsub', 'numsub', 'lb:cache:{main}:news'))?.[1] ?? 0),
        0
      )
    const clients = () =>
      nodes.map(
        (node) =>
          node
            .cli('client', 'list')
            .split('\n')
            .filter((line) => line.includes('name=lb')).length
      )
    t.comment(`${clients().join(' ')} connections`)
    for (let round = 0; round < 8; round++) {
      await until('both hear', () => listeners() === 2)
      await until('both have it', async () => {
        const all = [await ask(a, '/'), await ask(b, '/')]
        return all.every(({ body, status9211 }) => body === String(version) && status9211.includes('hit'))
      })
      for (const node of nodes) node.cli('client', 'kill', 'type', 'pubsub')
      const before = version
      await ask(a, '/', {}, 'POST')
      t.equal(version, before + 1)
      await until(
        `round ${round}: the other one does not keep it`,
        async () => (await ask(b, '/')).body === String(version),
        10_000
      )
    }
  }
)
