import { seededRandom } from '../../../../src/core/random.ts'
import { createSharedStore } from '../../../../src/l7/cache/store/memory/recovery.ts'
import { SharedStore } from '../../../../src/l7/cache/store/shared-store.ts'
import { hotBytesOf } from '../../../../src/l7/cache/thread-caches.ts'
import { begin, find } from './store-contract.ts'

/** A process of its own, so that resident memory is that of the store: prints what 1 GB through 64 MB came to. */
const source = Buffer.alloc(2 << 20, 'x')

/** Without what V8 has not collected yet, which differs from run to run by some megabytes. */
function resident(): number {
  globalThis.gc!()
  return process.memoryUsage().rss
}

function run(maxBytes: number, bytes: number): { readonly most: number; readonly used: number } {
  const random = seededRandom(3)
  const main = createSharedStore({ maxBytes, maxObjectBytes: 2 << 20, workers: 1 }, 1)
  const store = new SharedStore(main.memory, 0, hotBytesOf(main.memory))
  let most = 0
  let sent = 0
  for (let n = 0; sent < bytes; n++) {
    const length = Math.floor(1000 * 2000 ** random())
    sent += length
    const writer = begin(store, `http://a/${n}`, 'info', length)
    writer.write(source.subarray(0, length))
    if (!writer.finish()) throw new Error(`not stored: ${n}`)
    for (let back = 0; back < 3; back++) {
      const record = find(store, `http://a/${n - back * 7}`)
      for (let at = 0, piece; (piece = record?.read(at, 65_536)) !== undefined;) at += piece.length
      record?.release()
    }
    if (n % 200 === 0) most = Math.max(most, resident())
  }
  return { most, used: store.stats().bytes }
}

// Code is compiled and V8's heap has its size before it counts.
run(16 << 20, 200e6)
const before = resident()
const { most, used } = run(64 << 20, 1e9)
console.log(JSON.stringify({ grown: most - before, used }))
