import { Redis } from 'ioredis'
import t from 'tap'
import { rateScript } from '../../src/redis/rate-script.ts'
import { RedisServer, skip } from './support/redis-server.ts'

t.setTimeout(240_000)

/** The script on a clock of ours, and without keys that expire by the server's. */
const script = rateScript
  .replace("redis.call('TIME')", '{ ARGV[9], ARGV[10] }')
  .replace(/, 'PX', [^)]*\) \+ 1000\)/g, ')')

const SECOND = 1_000_000

interface Rule {
  readonly algorithm: string
  readonly burst: number
}

t.test(
  'the script passes what was agreed on, whatever the clock says when the overload begins',
  { skip },
  async (t) => {
    t.notMatch(script, /TIME|PX/)
    const server = new RedisServer(t)
    await server.start()
    const client = new Redis(server.path)
    t.teardown(() => client.disconnect())
    const sha = String(await client.script('LOAD', script))
    let keys = 0

    /** Which of the requests, at these microseconds, pass. */
    async function passed({ algorithm, burst }: Rule, times: readonly number[]): Promise<number[]> {
      const key = `k${keys++}`
      const found: number[] = []
      for (let i = 0; i < times.length; i += 500) {
        const part = times.slice(i, i + 500)
        const pipeline = client.pipeline()
        for (const at of part) {
          const rule = [algorithm, 1000, 1000, burst, 1, 1, 0, '']
          pipeline.evalsha(sha, 1, key, ...rule, Math.floor(at / SECOND), at % SECOND)
        }
        const replies = (await pipeline.exec())!
        replies.forEach(([error, reply], j) => {
          if (error !== null) throw error
          if (Number((reply as unknown[])[0]) > 0) found.push(part[j]!)
        })
      }
      return found
    }

    const overload = (from: number, perSecond: number) =>
      Array.from({ length: 10 * perSecond }, (_, i) => from + Math.round((i * SECOND) / perSecond))

    for (const [rule, expected] of [
      [{ algorithm: 'token-bucket', burst: 50 }, 10_050],
      [{ algorithm: 'sliding-window', burst: 1000 }, 10_000]
    ] as const) {
      for (const phase of [0, 0.3, 0.5, 0.9, 0.999]) {
        const times = await passed(rule, overload(1_700_000_000 * SECOND + phase * SECOND, 2500))
        const name = `${rule.algorithm} from ${phase}: ${times.length}`
        t.ok(Math.abs(times.length - expected) <= expected / 100, name)
        const most = rule.algorithm === 'token-bucket' ? 1050 : 1000
        const over = times.findIndex((at, i) => times[i + Math.ceil(most * 1.01)]! - at < 0.999 * SECOND)
        t.equal(over, -1, `no second has more than ${most}: ${name}`)
      }
    }
    const windows = await passed({ algorithm: 'fixed-window', burst: 1000 }, overload(5.5 * SECOND, 2500))
    t.equal(windows.length, 11_000, 'the windows of the clock that ten seconds touch')
    const late = await passed({ algorithm: 'sliding-window', burst: 1000 }, overload(7.9 * SECOND, 900))
    t.equal(late.length, 9000, 'what stays below the limit passes')
  }
)
