import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { nextFloor, nextLimit } from '../../../src/l7/stages/concurrency/next-limit.ts'
import { backend, lbOf } from './serve.ts'

/** A backend that keeps its requests waiting until it is told to answer. */
async function slow(
  t: Test
): Promise<{ port: number; waiting: ServerResponse[]; seen: string[]; until(count: number): Promise<void> }> {
  const waiting: ServerResponse[] = []
  const seen: string[] = []
  const port = await backend(t, (request, response) => {
    waiting.push(response)
    seen.push(request.url!)
  })
  const until = async (count: number): Promise<void> => {
    const late = Date.now() + 5_000
    while (waiting.length < count) {
      if (Date.now() > late) throw new Error(`${waiting.length} of ${count}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return { port, waiting, seen, until }
}

const over = (port: number) => ({ pools: { web: { backends: [`127.0.0.1:${port}`] } } })

t.test('what is over the number is refused, and a place that comes free is taken', async (t) => {
  const { port, waiting, until } = await slow(t)
  const url = await lbOf(t, { pool: 'web', concurrency: { max: 2 } }, over(port))
  const two = [fetch(url), fetch(url)]
  await until(2)
  const third = await fetch(url)
  t.equal(third.status, 503)
  t.equal(third.headers.get('retry-after'), '1')
  t.match(await third.text(), /LB_CONCURRENCY/)
  waiting.shift()!.end()
  await Promise.race(two)
  const fourth = fetch(url)
  await until(2)
  for (const response of waiting) response.end()
  t.equal((await fourth).status, 200)
})

t.test('those who wait are served in order, and a client that leaves gives up its place', async (t) => {
  const { port, waiting, seen, until } = await slow(t)
  const url = await lbOf(
    t,
    { pool: 'web', concurrency: { max: 1, queue: { max: 3, timeout: '10s' } } },
    over(port)
  )
  const first = fetch(`${url}/1`)
  await until(1)
  const { hostname, port: at } = new URL(url)
  const gone = connect(Number(at), hostname)
  gone.write('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const second = fetch(`${url}/2`, { method: 'POST', body: 'x'.repeat(200_000) })
  await new Promise((resolve) => setTimeout(resolve, 300))
  const third = fetch(`${url}/3`)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal((await fetch(`${url}/4`)).status, 503, 'the queue is full')
  gone.resetAndDestroy()
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (let i = 1; i <= 3; i++) {
    await until(1)
    waiting.shift()!.end()
    await [first, second, third][i - 1]
  }
  t.strictSame(seen, ['/1', '/2', '/3'])
})

t.test('who waits too long gets 503, and the place stays in use', async (t) => {
  const { port, waiting, until } = await slow(t)
  const url = await lbOf(
    t,
    { pool: 'web', concurrency: { max: 1, queue: { max: 3, timeout: '100ms' } } },
    over(port)
  )
  const first = fetch(url)
  await until(1)
  t.equal((await fetch(url)).status, 503)
  waiting.shift()!.end()
  t.equal((await first).status, 200)
  const next = fetch(url)
  await until(1)
  waiting.shift()!.end()
  t.equal((await next).status, 200)
})

t.test('keys are counted apart, and low priority finds no place first', async (t) => {
  const { port, waiting, until } = await slow(t)
  const url = await lbOf(
    t,
    {
      pool: 'web',
      trustedProxies: ['127.0.0.0/8'],
      concurrency: { max: 5, priority: { header: 'x-priority' } }
    },
    over(port)
  )
  const as = (priority: string) => fetch(url, { headers: { 'x-priority': priority } })
  const held = [as('low'), as('low'), as('low'), as('low')]
  await until(4)
  t.equal((await as('low')).status, 503)
  const high = as('high')
  await until(5)
  t.equal((await as('high')).status, 503)
  for (const response of waiting) response.end()
  await Promise.all([...held, high])
})

t.test('the adaptive limit grows while answers are quick, and shrinks when they slow down', async (t) => {
  const bounds = { min: 4, max: 500, tolerance: 2 }
  let limit = 20
  let floorMs = 0
  const windows = (count: number, latencyMs: number): void => {
    for (let i = 0; i < count; i++) {
      floorMs = nextFloor(floorMs, latencyMs, 1)
      limit = nextLimit(limit, { slowness: latencyMs / floorMs, peak: limit }, bounds)
    }
  }
  windows(100, 10)
  t.ok(limit > 150, `${limit}`)
  const grown = limit
  windows(40, 100)
  t.ok(limit < grown / 4, `${limit}`)
  t.ok(limit >= bounds.min)
  t.ok(floorMs < 20, 'a slow spell does not become the measure')
  t.equal(nextLimit(50, { slowness: 1, peak: 3 }, bounds), 50, 'what is not used does not grow')
})

t.test(
  'the adaptive limit holds a backend that queues near what it can do',
  { timeout: 30_000 },
  async (t) => {
    // Four at a time, 5 ms each: more only wait longer.
    const queue: ServerResponse[] = []
    let busy = 0
    let most = 0
    const work = (): void => {
      while (busy < 4 && queue.length > 0) {
        busy++
        const response = queue.shift()!
        setTimeout(() => {
          busy--
          response.end('ok')
          work()
        }, 5)
      }
    }
    const port = await backend(t, (_request, response) => {
      queue.push(response)
      most = Math.max(most, queue.length + busy)
      work()
    })
    const url = await lbOf(
      t,
      { pool: 'web', concurrency: { adaptive: true, queue: { max: 500, timeout: '10s' } } },
      over(port)
    )
    const end = Date.now() + 4_000
    const clients = Array.from({ length: 100 }, async () => {
      while (Date.now() < end) await (await fetch(url)).arrayBuffer()
    })
    setTimeout(() => (most = 0), 3_000)
    await Promise.all(clients)
    t.ok(most < 60, `${most} of 100 at the backend in the last second`)
  }
)
