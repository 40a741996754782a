import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Test } from 'tap'
import type { Decision, Fetch, Wait } from '../../../src/l7/cache/decide/decision.ts'
import { createSharedStore } from '../../../src/l7/cache/store/memory/recovery.ts'
import { Client, routeCache } from './support/client.ts'
import { fields } from './support/fields.ts'
import type { FieldList } from './support/fields.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const lasting: FieldList = [['Cache-Control', 'max-age=60']]

function wait(decision: Decision): Wait {
  if (decision.kind !== 'wait') throw new Error(decision.kind)
  return decision
}

function fetch(decision: Decision): Fetch {
  if (decision.kind !== 'fetch') throw new Error(decision.kind)
  return decision
}

/** A client over a shared store, and a way to look up without acting. */
function shared() {
  const store = createSharedStore({ maxBytes: 1 << 20, maxObjectBytes: 65536, workers: 0 }, 1, 65536)
  const client = new Client({}, store)
  const look = (list: FieldList = []) => client.cache.lookup(client.request({ fields: list }), client.now)
  const settled: Decision[] = []
  const waiting = (list: FieldList = []) =>
    wait(look(list)).wait(5_000, (decision) => void settled.push(decision))
  return { store, client, look, settled, waiting }
}

t.test('who comes while it is fetched waits, and gets it as it arrives', async (t) => {
  const { client, look, settled, waiting } = shared()
  const first = fetch(look())
  waiting()
  waiting()
  const result = first.onResponse({ status: 200, headers: fields(lasting) }, 6, client.now)
  if (result.kind !== 'pass' || result.writer === undefined) throw new Error(result.kind)
  await turn()
  t.strictSame(
    settled.map(({ kind }) => kind),
    ['hit', 'hit']
  )
  const [hit, other] = settled
  if (hit?.kind !== 'hit' || other?.kind !== 'hit') throw new Error(hit?.kind)
  t.strictSame([hit.bytes, hit.body, hit.reader?.read()], [6, undefined, undefined])
  let ready = 0
  hit.reader?.onReady(() => void ready++)
  result.writer.write(Buffer.from('abc'))
  t.equal(result.writer.followers, 2)
  await turn()
  t.strictSame([ready, hit.reader?.read()?.toString(), hit.reader?.ended], [1, 'abc', false])
  result.writer.write(Buffer.from('def'))
  result.writer.finish()
  t.strictSame([hit.reader?.read()?.toString(), hit.reader?.ended, hit.reader?.failed], ['def', true, false])
  t.strictSame([other.reader?.read()?.toString(), other.reader?.ended], ['abcdef', true])
  hit.reader?.release()
  other.reader?.release()
  t.equal(client.ask().from, 'cache')
})

t.test(
  'when the fetch fails the first of those who wait fetches, and the others wait for that',
  async (t) => {
    const { client, look, settled, waiting } = shared()
    const first = fetch(look())
    waiting()
    waiting()
    first.onError(client.now)
    await turn()
    t.strictSame(
      settled.map(({ kind }) => kind),
      ['fetch']
    )
    fetch(settled[0]!).onResponse({ status: 200, headers: fields(lasting) }, 0, client.now)
    await turn()
    t.strictSame(
      settled.map(({ kind }) => kind),
      ['fetch', 'hit']
    )
  }
)

t.test('followers of an aborted body see the abort', async (t) => {
  const { client, look, settled, waiting } = shared()
  const first = fetch(look())
  waiting()
  const result = first.onResponse({ status: 200, headers: fields(lasting) }, 6, client.now)
  if (result.kind !== 'pass') throw new Error(result.kind)
  await turn()
  result.writer?.write(Buffer.from('abc'))
  result.writer?.abort()
  const [hit] = settled
  if (hit?.kind !== 'hit') throw new Error(hit?.kind)
  t.equal(hit.reader?.read()?.toString(), 'abc')
  t.strictSame([hit.reader?.ended, hit.reader?.failed], [false, true])
  hit.reader?.release()
  t.equal(look().kind, 'fetch')
})

t.test(
  'a response that cannot be stored releases all waiters at once, and no request waits for the next',
  async (t) => {
    const { client, look, settled, waiting } = shared()
    const first = fetch(look())
    for (let n = 0; n < 5; n++) waiting()
    first.onResponse({ status: 200, headers: fields([['Cache-Control', 'private']]) }, 1, client.now)
    await turn()
    t.strictSame(
      settled.map(({ kind }) => kind),
      ['fetch', 'fetch', 'fetch', 'fetch', 'fetch']
    )
    t.equal(look().kind, 'fetch')
    t.equal(look().kind, 'fetch')
    client.pause(11)
    t.equal(look().kind, 'fetch')
    t.equal(look().kind, 'wait', 'after a while it is tried again')
  }
)

t.test('no waiter waits beyond its timeout, and one that left is not called', (t) => {
  const { client, look, settled } = shared()
  fetch(look())
  wait(look()).wait(1_000, (decision) => void settled.push(decision))
  const cancel = wait(look()).wait(1_000, (decision) => void settled.push(decision))
  cancel()
  client.pause(0.9)
  t.equal(settled.length, 0)
  client.pause(0.2)
  t.strictSame(
    settled.map(({ kind }) => kind),
    ['fetch']
  )
  t.end()
})

t.test('requests that may get another answer do not wait', (t) => {
  const { look } = shared()
  fetch(look())
  t.equal(look([['Authorization', 'x']]).kind, 'fetch')
  t.equal(look([['Cache-Control', 'no-cache']]).kind, 'fetch')
  t.equal(look([['If-None-Match', '"x"']]).kind, 'fetch')
  t.equal(look([['Range', 'bytes=0-1']]).kind, 'fetch')
  t.equal(look([['Cache-Control', 'only-if-cached']]).kind, 'gateway-timeout')
  t.equal(look().kind, 'wait')
  t.end()
})

t.test('those with another variant fetch their own, one for each', async (t) => {
  const { client, look, settled, waiting } = shared()
  const first = fetch(look([['Foo', '1']]))
  for (const value of ['1', '2', '2', '1']) waiting([['Foo', value]])
  first.onResponse({ status: 200, headers: fields([...lasting, ['Vary', 'Foo']]) }, 0, client.now)
  await turn()
  await turn()
  t.strictSame(settled.map(({ kind }) => kind).sort(), ['fetch', 'hit', 'hit'])
})

t.test('one revalidates for all, unless it must be done each time', async (t) => {
  const { client, look, settled, waiting } = shared()
  client.ask({}, { fields: [...lasting, ['ETag', '"1"']] })
  client.pause(70)
  const first = fetch(look())
  t.strictSame(first.add[0], ['If-None-Match', '"1"'])
  waiting()
  first.onResponse({ status: 304, headers: fields([['ETag', '"1"']]) }, 0, client.now)
  await turn()
  t.strictSame(
    settled.map(({ kind }) => kind),
    ['hit']
  )

  const always = shared()
  always.client.ask(
    {},
    {
      fields: [
        ['Cache-Control', 'no-cache'],
        ['ETag', '"1"']
      ]
    }
  )
  t.equal(always.look().kind, 'fetch')
  t.equal(always.look().kind, 'fetch')
})

interface CrowdReport {
  readonly whole: number
  readonly broken: number
  readonly wrong: number
  readonly pins: number
  /** The fetch was here, and the other thread had bytes of it before its last went out. */
  readonly streamed: boolean
}

async function crowd(t: Test, orders: object) {
  const store = createSharedStore({ maxBytes: 4 << 20, maxObjectBytes: 1 << 20, workers: 2 }, 5)
  const counter = new SharedArrayBuffer(4)
  const base = {
    memory: store.memory,
    config: routeCache,
    requests: 5_000,
    fetches: counter,
    followed: new SharedArrayBuffer(8),
    answer: lasting
  }
  const script = new URL('./support/crowd-worker.ts', import.meta.url)
  const reports = await Promise.all(
    [0, 1].map((index) => {
      const workerData = { ...base, index, chunks: 5, announced: true, breaks: 0, ...orders }
      const worker = new Worker(script, { workerData })
      t.teardown(() => worker.terminate())
      return new Promise<CrowdReport>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
    })
  )
  return { reports, fetches: new Int32Array(counter)[0] }
}

t.test('10,000 requests in two threads for one object are one fetch', async (t) => {
  for (const [announced, requests] of [
    [true, 5_000],
    [false, 300]
  ]) {
    const { reports, fetches } = await crowd(t, { announced, requests })
    t.equal(fetches, 1)
    for (const report of reports) t.match(report, { whole: requests, broken: 0, wrong: 0, pins: 0 })
    t.ok(
      reports.some(({ streamed }) => streamed),
      'streamed, not handed over at the end'
    )
  }
})

t.test('when the fetch of a crowd fails twice, it is fetched three times', async (t) => {
  const { reports, fetches } = await crowd(t, { breaks: 2, requests: 500 })
  t.equal(fetches, 3)
  t.equal(
    reports.reduce((sum, { whole }) => sum + whole, 0),
    998
  )
})

t.test('a claim that outlasts the patience of those who wait does not keep the key', (t) => {
  const { client, look, settled } = shared()
  const first = fetch(look())
  wait(look()).wait(1_000, (decision) => void settled.push(decision))
  client.pause(2)
  t.strictSame(
    settled.map(({ kind }) => kind),
    ['fetch']
  )
  const second = fetch(settled[0]!)
  const result = second.onResponse({ status: 200, headers: fields(lasting) }, 0, client.now)
  if (result.kind !== 'pass' || result.writer === undefined) throw new Error('not stored')
  result.writer.finish()
  t.equal(look().kind, 'hit')
  const late = first.onResponse({ status: 200, headers: fields(lasting) }, 0, client.now)
  t.match(late, { kind: 'pass', writer: undefined })
  t.end()
})
