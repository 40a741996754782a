import { parentPort, workerData } from 'node:worker_threads'
import { SharedCounts, type CountsBuffers } from '../../src/shared/shared-counts.ts'

// Takes and gives back places of a few keys as fast as it can, and tells the most that it ever saw of each.
const { buffers, thread, rounds, most } = workerData as {
  buffers: CountsBuffers
  thread: number
  rounds: number
  most: number
}
const counts = SharedCounts.attach(buffers, thread)
let taken = 0
let worst = 0
const places: number[] = []
for (let i = 0; i < rounds; i++) {
  const place = counts.take(1, 2, i % 3, { most, ratePerSecond: 0 }, 0)
  if (place >= 0) {
    taken++
    worst = Math.max(worst, counts.count(place))
    places.push(place)
  }
  if (places.length > 2 || place < 0) {
    for (const held of places.splice(0)) counts.give(held)
  }
}
// What is left in `places` is not given back: the thread dies with it.
parentPort!.postMessage({ taken, worst, left: places.length })
