import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { ConcurrencyTable, NO_ROOM, NOT_COUNTED, type Waiting } from '../../src/shared/concurrency-table.ts'

function make(threads = 2, entries = 8): ConcurrencyTable[] {
  const buffers = ConcurrencyTable.allocate(entries, threads)
  return Array.from({ length: threads }, (_, thread) => new ConcurrencyTable(buffers, thread))
}

t.test('a place is taken at most so many times at once, over all threads', async (t) => {
  const [a, b] = make()
  const one = a!.take(1, 2, 2, 0)
  const two = b!.take(1, 2, 2, 0)
  t.equal(one, two)
  t.equal(a!.take(1, 2, 2, 0), NO_ROOM)
  t.not(a!.take(3, 4, 2, 0), NO_ROOM, 'another key has its own')
  b!.give(two)
  t.equal(a!.take(1, 2, 2, 0), one)
})

t.test('a newcomer does not pass who waits, unless it is served first', async (t) => {
  const [a, b] = make()
  const place = a!.take(1, 2, 1, 1)
  const waits = b!.enqueue(1, 2, 1, 1, 1, 5000) as Waiting
  t.equal(waits.place, place)
  t.equal(a!.enqueue(1, 2, 1, 1, 1, 5000), NO_ROOM, 'and no more wait than may')
  a!.call(place, () => 1)
  a!.give(place)
  t.equal(a!.take(1, 2, 1, 1), NO_ROOM)
  t.equal(a!.take(1, 2, 1, 2), NO_ROOM)
  a!.call(place, () => 1)
  t.ok(await waits.called)
  t.equal(b!.takeOrWait(place, 1, 1, true, 5000), undefined)
  t.equal(b!.count(place), 1)
  t.equal(b!.waiting(place), 0)
  b!.give(place)
  b!.enqueue(1, 2, 0, 2, 5, 5000)
  t.equal(b!.take(1, 2, 1, 0), place, 'who is served first passes who is served last')
})

t.test('nobody takes the place of who was called before that one gets to run', async (t) => {
  const [a, b] = make()
  const place = a!.take(1, 2, 1, 1)
  const first = b!.enqueue(1, 2, 1, 1, 9, 5000) as Waiting
  a!.give(place)
  a!.call(place, () => 1)
  t.equal(a!.take(1, 2, 1, 0), NO_ROOM, 'not even a request of a better class')
  const second = a!.enqueue(1, 2, 1, 1, 9, 5000) as Waiting
  t.type(second, 'object', 'a newcomer waits')
  a!.call(place, () => 1)
  t.ok(await first.called)
  t.equal(b!.takeOrWait(place, 1, 1, true, 5000), undefined)
  t.equal(b!.count(place), 1)
  b!.give(place)
  b!.call(place, () => 1)
  t.ok(await second.called)
  a!.leave(place, 1)
  t.equal(b!.take(1, 2, 1, 1), NO_ROOM, 'it is kept for who has left too')
  a!.decline(place)
  t.equal(b!.take(1, 2, 1, 1), place, 'until that one has said so')
})

t.test(
  'who waits is called one by one in the order of waiting, over all threads and as many as may',
  async (t) => {
    const [a, b] = make()
    const place = a!.take(1, 2, 2, 0)
    a!.take(1, 2, 2, 0)
    const order: number[] = []
    const all = Array.from({ length: 20 }, async (_, i) => {
      const table = i % 3 === 0 ? a! : b!
      const { called } = table.enqueue(1, 2, 2, 1, 99, 5000) as Waiting
      t.ok(await called)
      t.equal(table.takeOrWait(place, 2, 1, true, 5000), undefined)
      order.push(i)
      t.ok(table.count(place) <= 2)
      table.give(place)
      table.call(place, () => 2)
    })
    a!.give(place)
    a!.give(place)
    a!.call(place, () => 2)
    await Promise.all(all)
    t.strictSame(order, [...order.keys()])
    t.equal(a!.count(place), 0)
  }
)

t.test('what was kept for a thread that died is for others, who are called', async (t) => {
  const [a, b, c] = make(3)
  const place = a!.take(1, 2, 1, 0)
  const dies = b!.enqueue(1, 2, 1, 0, 9, 5000) as Waiting
  const lives = c!.enqueue(1, 2, 1, 0, 9, 5000) as Waiting
  a!.give(place)
  a!.call(place, () => 1)
  t.ok(await dies.called)
  a!.releaseThread(1)
  t.ok(await lives.called)
  t.equal(c!.takeOrWait(place, 1, 0, true, 5000), undefined)
  t.equal(a!.waiting(place), 0)
  // One that was called before and lives, whose place has been given to another: it waits again.
  const late = a!.enqueue(1, 2, 1, 0, 9, 5000) as Waiting
  c!.give(place)
  c!.call(place, () => 1)
  t.ok(await late.called)
  c!.releaseThread(1)
  t.equal(c!.take(1, 2, 1, 0), NO_ROOM)
  t.equal(a!.takeOrWait(place, 1, 0, true, 5000), undefined)
  t.equal(a!.count(place), 1)
})

t.test('who waits on a thread that stands still is passed over', async (t) => {
  const [a, b] = make()
  const place = a!.take(1, 2, 1, 1)
  b!.enqueue(1, 2, 1, 1, 9, 5000)
  b!.enqueue(1, 2, 1, 0, 9, 5000)
  const waits = a!.enqueue(1, 2, 1, 1, 9, 5000) as Waiting
  a!.give(place)
  a!.call(place, () => 1)
  a!.giveUpThread(1)
  // It looks, finds those of the other thread before it, and waits again.
  t.ok(await waits.called)
  const again = a!.takeOrWait(place, 1, 1, true, 5000)
  a!.call(place, () => 1)
  t.ok(await again)
  t.equal(a!.takeOrWait(place, 1, 1, true, 5000), undefined)
  const next = a!.enqueue(1, 2, 1, 1, 9, 5000) as Waiting
  a!.give(place)
  a!.call(place, () => 1)
  t.ok(await next.called)
  t.equal(a!.takeOrWait(place, 1, 1, true, 5000), undefined)
  a!.releaseThread(1)
  t.equal(a!.waiting(place), 0)
})

t.test('what a dead thread held and waited for is given back', async (t) => {
  const [a, b] = make()
  a!.take(1, 2, 9, 0)
  a!.take(1, 2, 9, 0)
  a!.enqueue(1, 2, 2, 2, 9, 5000)
  const place = b!.take(1, 2, 9, 0)
  b!.releaseThread(0)
  t.equal(b!.count(place), 1)
  t.equal(b!.waiting(place), 0)
})

t.test('a set that is full of others counts no further key', async (t) => {
  const [a] = make(1)
  for (let key = 1; key <= 8; key++) t.ok(a!.take(key, 1, 1, 0) >= 0)
  t.equal(a!.take(9, 1, 1, 0), NOT_COUNTED)
})

t.test('two threads that queue for four places never pass four, and all get their turn', async (t) => {
  const buffers = ConcurrencyTable.allocate(8, 2)
  const seen = new Int32Array(new SharedArrayBuffer(8))
  const refused = await Promise.all(
    [0, 1].map(async (thread) => {
      const worker = new Worker(new URL('./concurrency-hammer.ts', import.meta.url), {
        workerData: { buffers, thread, most: 4, tries: 500, seen }
      })
      const [count] = (await once(worker, 'message')) as [number]
      await worker.terminate()
      return count
    })
  )
  t.strictSame(refused, [0, 0])
  t.equal(seen[0], 0)
  t.ok(seen[1]! <= 4, `${seen[1]}`)
})
