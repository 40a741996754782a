import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { Lru } from '../../../bench/cache-trace/policies.ts'
import { SharedStorePolicy } from '../../../bench/cache-trace/shared-store-policy.ts'
import { zipfTrace } from '../../../bench/cache-trace/traces.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { createSharedStore } from '../../../src/l7/cache/store/memory/recovery.ts'
import { Client } from './support/client.ts'

t.test('on a skewed trace more is hit than with LRU', (t) => {
  const trace = zipfTrace(60_000, 50_000, 0.9, 5)
  const hits = (policy: { request(request: (typeof trace)[number]): boolean }) =>
    trace.reduce((sum, request) => sum + (policy.request(request) ? 1 : 0), 0)
  const lru = hits(new Lru(4 << 20))
  const ours = hits(new SharedStorePolicy(4 << 20))
  t.ok(ours > lru, `${ours} against ${lru}`)
  t.end()
})

t.test('1 GB through 64 MB stays within 64 MB and 30 %', async (t) => {
  const script = new URL('./support/fill-store.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script], { timeout: 60_000 })
  const { grown, used } = JSON.parse(stdout) as { grown: number; used: number }
  t.ok(used <= 64 << 20 && used > 0.8 * (64 << 20), `${used} bytes used`)
  t.ok(grown < 1.3 * (64 << 20), `${(grown / 1048576).toFixed(1)} MB`)
})

t.test('upstream dies within the body 1,000 times, and nothing cut short is ever taken for whole', (t) => {
  const store = createSharedStore({ maxBytes: 1 << 20, maxObjectBytes: 1 << 18, workers: 0 }, 1, 1 << 16)
  const client = new Client({}, store)
  const random = seededRandom(9)
  const body = Array.from({ length: 20_000 }, (_, n) => (n % 36).toString(36)).join('')
  let hits = 0
  for (let n = 0; n < 1000; n++) {
    const path = `/${n % 3}`
    const length = 1 + Math.floor(random() * 20_000)
    const whole = body.slice(0, length)
    const fields = [
      ['Cache-Control', 'max-age=5'],
      ['ETag', `"${length}"`]
    ] as const
    const broken = client.ask({ path }, { fields, body: whole, breakAfter: Math.floor(random() * length) })
    if (broken.from === 'cache') hits++
    // What comes out of the cache is something that once was whole: its tag tells how long.
    const got = client.ask({ path }, { fields, body: whole })
    if (got.from === 'cache' && got.get('etag') !== `"${got.body.length}"`) t.fail(`${got.body.length} bytes`)
    client.pause(random() < 0.8 ? 0 : 6)
  }
  t.ok(hits > 50)
  t.equal(store.stats().pins, 0)
  store.purge({ kind: 'all' })
  t.equal(store.stats().bytes, 0)
  t.end()
})
