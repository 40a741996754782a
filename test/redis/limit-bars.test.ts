import t, { type Test } from 'tap'
import { spawnLb } from '../e2e/process.ts'
import { freePort } from '../free-port.ts'
import { instance } from './support/instance.ts'
import { overload } from './support/overload.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

/** LB_BARS=full: two processes, ten seconds, held to the bars; else a second over two instances in this process, on a machine that does other things. */
const full = process.env['LB_BARS'] === 'full'
t.setTimeout(600_000)

type Rule = Readonly<Record<string, string | number>>

/** Two that count together. */
async function two(t: Test, rule: Rule): Promise<readonly number[]> {
  const server = new RedisServer(t)
  await server.start()
  if (!full) {
    const redis = { url: `unix:${server.path}`, timeout: '5s' }
    const both = [await instance(t, redis, rule), await instance(t, redis, rule)]
    // Until then each decides by itself.
    await until('both count there', () => both.every(({ logged }) => logged.at(-1) === 'Redis is reachable'))
    return both.map(({ url }) => Number(new URL(url).port))
  }
  const ports = [await freePort(), await freePort()]
  for (const port of ports) {
    const lb = spawnLb(
      t,
      `
workers: 1
redis: { url: 'unix:${server.path}', timeout: 1s }
listeners:
  - name: web
    bind: 127.0.0.1:${port}
    mode: l7
    accessLog: false
    rateLimit: ${JSON.stringify({ key: 'all', store: 'redis', ...rule })}
    routes: [{ match: {}, respond: { status: 200, body: fine } }]
`
    )
    await lb.says('Redis is reachable')
    await lb.says('lb runs')
  }
  return ports
}

for (const [more, burst, share] of [
  [{ mode: 'exact', algorithm: 'sliding-window' }, 0, 0.01],
  [{ mode: 'exact', burst: 50 }, 50, 0.01],
  [{ mode: 'lease', algorithm: 'sliding-window' }, 0, 0.03],
  [{ mode: 'lease', burst: 50 }, 50, 0.03],
  // A full bucket goes first.
  [{}, 1000, 0.03]
] as const) {
  t.test(
    `an overload of two instances passes what was agreed on: ${JSON.stringify(more)}`,
    { skip },
    async (t) => {
      const ports = await two(t, { requests: 1000, per: '1s', ...more })
      const found = await overload({ ports, perSecond: 2500, seconds: full ? 10 : 1 })
      const { passed, refused, failed, times } = found
      t.equal(failed, 0, 'no request fails')
      const p99 = times[Math.floor(times.length * 0.99)]!
      t.comment(`${passed} of ${passed + refused} in ${found.seconds.toFixed(2)} s, p99 ${p99.toFixed(1)} ms`)
      const most = burst + 1000 * (full ? found.seconds : found.untilLast)
      t.ok(passed <= most * (full ? 1 + share : 1.15), `at most ${most.toFixed(0)}: ${passed}`)
      const least = burst + 1000 * found.seconds
      t.ok(passed >= least * (full ? 1 - share : 0.4), `at least ${least.toFixed(0)}: ${passed}`)
    }
  )
}
