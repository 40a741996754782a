import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { ConcurrencyTable, NO_ROOM, NOT_COUNTED } from '../../src/shared/concurrency-table.ts'

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
  const waits = b!.enqueue(1, 2, 1, 1)
  t.equal(waits, place)
  t.equal(a!.enqueue(1, 2, 1, 1), NO_ROOM, 'and no more wait than may')
  const state = b!.bell(waits, 1)
  const rung = b!.rung(waits, 1, state, 5000)
  a!.call(place, () => 1)
  t.equal(b!.bell(waits, 1), state, 'nobody is called while there is no room')
  a!.give(place)
  a!.call(place, () => 1)
  t.equal(a!.take(1, 2, 1, 1), NO_ROOM)
  t.equal(a!.take(1, 2, 1, 2), NO_ROOM)
  await rung
  t.ok(b!.takeWaiting(waits, 1, 1))
  t.equal(b!.count(waits), 1)
  t.equal(b!.waiting(waits), 0)
  b!.give(waits)
  a!.enqueue(1, 2, 5, 2)
  t.equal(b!.take(1, 2, 1, 0), place, 'who is served first passes who is served last')
})

t.test('what a dead thread held and waited for is given back', async (t) => {
  const [a, b] = make()
  a!.take(1, 2, 9, 0)
  a!.take(1, 2, 9, 0)
  a!.enqueue(1, 2, 9, 2)
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
