import { workerData, parentPort } from 'node:worker_threads'
import { ConcurrencyTable, type ConcurrencyBuffers } from '../../src/shared/concurrency-table.ts'

// Takes, holds for a turn and gives, queueing where it must; tells the most that was seen under way at once.
const { buffers, thread, most, tries, seen } = workerData as {
  buffers: ConcurrencyBuffers
  thread: number
  most: number
  tries: number
  seen: Int32Array
}
const table = new ConcurrencyTable(buffers, thread)
const keep = setInterval(() => {}, 1000)
let refused = 0

async function one(): Promise<void> {
  let place = table.take(5, 6, most, 0)
  if (place < 0) {
    const waiting = table.enqueue(5, 6, most, 0, 1000, 5000)
    if (typeof waiting === 'number') place = waiting
    else {
      place = waiting.place
      for (let called: Promise<boolean> | undefined = waiting.called; called !== undefined;)
        called = table.takeOrWait(place, most, 0, await called, 5000)
    }
    if (place < 0) {
      refused++
      return
    }
  }
  const now = Atomics.add(seen, 0, 1) + 1
  if (now > Atomics.load(seen, 1)) Atomics.store(seen, 1, now)
  await new Promise((resolve) => setImmediate(resolve))
  Atomics.sub(seen, 0, 1)
  table.give(place)
  table.call(place, () => most)
}

const queue = Array.from({ length: tries }, () => one)
await Promise.all(
  Array.from({ length: 20 }, async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) await next()
  })
)
clearInterval(keep)
parentPort!.postMessage(refused)
