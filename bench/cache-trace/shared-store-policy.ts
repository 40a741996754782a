import type { StoreStats } from '../../src/l7/cache/store/shared-store.ts'
import { createSharedStore } from '../../src/l7/cache/store/memory/recovery.ts'
import type { TracePolicy } from './policies.ts'
import type { TraceRequest } from './traces.ts'

const bodies = Buffer.alloc(64 * 1024, 'x')

/** The real store under a trace: hot copies, whole units and all. */
export class SharedStorePolicy implements TracePolicy {
  readonly name = 'lb (S3-FIFO)'
  readonly #store

  constructor(maxBytes: number) {
    this.#store = createSharedStore({ maxBytes, maxObjectBytes: 1 << 20, workers: 1 }, 11, maxBytes / 8)
  }

  get stats(): StoreStats {
    return this.#store.stats()
  }

  request({ key, bytes }: TraceRequest): boolean {
    const name = `http://trace/${key}`
    const record = this.#store.lookup(name)
    if (record !== undefined) {
      record.release()
      return true
    }
    const claim = this.#store.claim(name, false)
    if (claim === undefined || !('begin' in claim)) throw new Error('no claim')
    const writer = claim.begin({ info: '', bytes, tags: [], epoch: this.#store.epochOf(name) })
    writer?.write(bodies.subarray(0, bytes))
    writer?.finish()
    return false
  }
}
