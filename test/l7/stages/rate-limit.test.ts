import t from 'tap'
import { freePort } from '../../free-port.ts'
import { spawnLb } from '../../e2e/process.ts'
import { backend, lbOf } from './serve.ts'

const fine = { respond: { status: 200, body: 'fine' } }

async function statuses(url: string, count: number, init: RequestInit = {}): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < count; i++) {
    const response = await fetch(url, init)
    found.push(response.status)
    await response.arrayBuffer()
  }
  return found
}

t.test('requests over the limit get 429 with what they need to know', async (t) => {
  const url = await lbOf(t, {
    rateLimit: { requests: 2, per: '1h' },
    routes: [{ match: {}, ...fine }]
  })
  const first = await fetch(url)
  t.equal(first.status, 200)
  t.match(first.headers.get('ratelimit'), /^"default";r=1;t=\d+$/)
  t.equal(first.headers.get('ratelimit-policy'), '"default";q=2;w=3600')
  t.strictSame(await statuses(url, 2), [200, 429])
  const refused = await fetch(url, { headers: { accept: 'application/json' } })
  t.equal(refused.status, 429)
  const seconds = Number(refused.headers.get('retry-after'))
  t.ok(seconds > 1790 && seconds <= 1800, `${seconds}`)
  t.equal(refused.headers.get('ratelimit'), `"default";r=0;t=${seconds}`)
  t.match(await refused.json(), { error: { code: 'LB_RATE_LIMIT', limit: 'default' } })
})

t.test('what clients are told of never invites more than the policy grants', async (t) => {
  const port = await backend(t, (_request, response) => {
    response.setHeader('RateLimit-Policy', '"theirs";q=5').setHeader('RateLimit', '"theirs";r=4').end()
  })
  const rateLimit = [
    { name: 'minute', requests: 100, per: '1m' },
    { name: 'burst', requests: 10, per: '1400ms', burst: 20 }
  ]
  const url = await lbOf(
    t,
    {
      rateLimit,
      routes: [
        { match: { path: '/theirs' }, pool: 'web' },
        { match: {}, ...fine }
      ]
    },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
  const { headers } = await fetch(url)
  t.equal(headers.get('ratelimit-policy'), '"minute";q=100;w=60, "burst";q=10;w=2;lb-burst=20')
  t.equal(headers.get('ratelimit'), '"minute";r=99;t=60, "burst";r=19;t=3', 'not 99 within a second')
  const theirs = await fetch(`${url}/theirs`)
  t.match(theirs.headers.get('ratelimit'), /^"theirs";r=4, "minute";r=98;/)
  t.match(theirs.headers.get('ratelimit-policy'), /^"theirs";q=5, "minute";q=100;/)
})

t.test('each key has its own count, and a request without one counts by its address', async (t) => {
  const url = await lbOf(t, {
    routes: [{ match: {}, ...fine, rateLimit: { requests: 1, per: '1h', key: 'header:x-api-key' } }]
  })
  const as = (key: string) => statuses(url, 2, { headers: { 'x-api-key': key } })
  t.strictSame(await as('a'), [200, 429])
  t.strictSame(await as('b'), [200, 429])
  t.strictSame(await statuses(url, 2), [200, 429])
  t.strictSame(
    await statuses(url, 1, { headers: { 'x-forwarded-for': '10.9.9.9' } }),
    [429],
    'no address that is only claimed'
  )
})

t.test(
  "a listener's limit is one for all its routes; a route's replaces it, false turns it off",
  async (t) => {
    const url = await lbOf(t, {
      rateLimit: { requests: 2, per: '1h' },
      routes: [
        { match: { path: '/free' }, ...fine, rateLimit: false },
        { match: { path: '/own' }, ...fine, rateLimit: { requests: 1, per: '1h' } },
        { match: { path: '/a' }, ...fine },
        { match: {}, ...fine }
      ]
    })
    t.strictSame(await statuses(`${url}/a`, 1), [200])
    t.strictSame(await statuses(`${url}/b`, 2), [200, 429])
    t.strictSame(await statuses(`${url}/own`, 2), [200, 429])
    t.strictSame(await statuses(`${url}/free`, 3), [200, 200, 200])
  }
)

t.test('of several limits one that refuses uses up none of the others', async (t) => {
  const url = await lbOf(t, {
    routes: [
      {
        match: {},
        ...fine,
        rateLimit: [
          { name: 'day', requests: 3, per: '1d' },
          { name: 'by-key', requests: 1, per: '1h', key: 'query:k' }
        ]
      }
    ]
  })
  t.strictSame(await statuses(`${url}/?k=1`, 5), [200, 429, 429, 429, 429])
  t.strictSame(await statuses(`${url}/?k=2`, 1), [200])
  t.strictSame(await statuses(`${url}/?k=3`, 1), [200])
  t.strictSame(await statuses(`${url}/?k=4`, 1), [429])
})

t.test('in shadow mode no request is refused', async (t) => {
  const url = await lbOf(t, {
    rateLimit: { requests: 1, per: '1h', shadow: true },
    routes: [{ match: {}, ...fine }]
  })
  t.strictSame(await statuses(url, 3), [200, 200, 200])
})

t.test('methods, statuses and bytes cost what they are said to', async (t) => {
  const port = await backend(t, (request, response) => {
    response.statusCode = request.url === '/no' ? 401 : 200
    response.end('x'.repeat(request.url === '/big' ? 10_000 : 1))
  })
  const costs = (cost: object) =>
    lbOf(
      t,
      { pool: 'web', rateLimit: { requests: 10, per: '1h', cost } },
      { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
    )
  const byMethod = await costs({ methods: { POST: 5 } })
  t.strictSame(await statuses(byMethod, 3, { method: 'POST' }), [200, 200, 429])
  const byStatus = await costs({ statuses: { '4xx': 9 } })
  t.strictSame(await statuses(`${byStatus}/no`, 2), [401, 429])
  const byBytes = await costs({ bytes: '1kb' })
  t.strictSame(await statuses(`${byBytes}/big`, 2), [200, 429])
})

t.test('the limit is exact over two workers', { timeout: 120_000 }, async (t) => {
  const port = await freePort()
  const lb = spawnLb(
    t,
    `workers: 2
listeners:
  - { bind: "127.0.0.1:${port}", mode: l7, rateLimit: { requests: 100, per: 1h, key: all }, routes: [{ match: {}, respond: { status: 200 } }] }
`
  )
  await lb.says('lb runs')
  const url = `http://127.0.0.1:${port}/`
  const each = await Promise.all(
    // New connections: the kernel spreads them over both.
    Array.from({ length: 20 }, () => statuses(url, 10, { headers: { connection: 'close' } }))
  )
  t.equal(each.flat().filter((status) => status === 200).length, 100)
})

t.test(
  'an overload of two workers passes burst and rate, to the request',
  { timeout: 120_000 },
  async (t) => {
    // Slow machines overload it too, and one that stands still for less than ten seconds loses nothing.
    const [rate, burst] = [10, 100]
    const port = await freePort()
    const lb = spawnLb(
      t,
      `workers: 2
listeners:
  - { bind: "127.0.0.1:${port}", mode: l7, rateLimit: { requests: ${rate}, per: 1s, burst: ${burst}, key: all }, routes: [{ match: {}, respond: { status: 200 } }] }
`
    )
    await lb.says('lb runs')
    const url = `http://127.0.0.1:${port}/`
    const passedOf = async (count: number): Promise<number> =>
      (await statuses(url, count, { headers: { connection: 'close' } })).filter((status) => status === 200)
        .length
    const begun = performance.now()
    let passed = await passedOf(1)
    const first = performance.now()
    while (passed < burst + 2 * rate) {
      const more = await Promise.all([passedOf(20), passedOf(20), passedOf(20), passedOf(20)])
      passed += more.reduce((sum, count) => sum + count)
    }
    // A refusal says that at this moment all there was has passed: what had come back since the first request, and no more.
    let asked = performance.now()
    while ((await passedOf(1)) === 1) {
      passed++
      asked = performance.now()
    }
    const answered = performance.now()
    const least = burst + (rate * (asked - first)) / 1000 - 1
    const most = burst + (rate * (answered - begun)) / 1000 + 1
    t.ok(passed >= least && passed <= most, `${passed}, of ${least} to ${most}`)
  }
)
