import { failure, UV_EMFILE } from '../transport/raw-streams.ts'
import { openFarEnd, type DescriptorHandle, type FarEnd } from './ipc-pipe.ts'

/** Long enough for a busy main thread; a failure to send is reported at once. */
const WITHIN_MS = 18_000
/**
 * All of a batch is in the pipe before it is announced, and each turn of the event loop takes one out. A thread that did not
 * get its turns for so long meets its timer before the pipe: it is late by itself, and nothing is missing yet.
 */
const EMPTY_TURNS = 3

interface Batch {
  readonly handles: DescriptorHandle[]
  failed: boolean
  /** Sockets that are still on their way are closed on arrival. */
  over: boolean
  /** Set by the call that waits for the batch. */
  check: () => void
}

/** Where a worker receives sockets that the main thread has bound. The worker owns them: they close when it ends. */
export class DescriptorInbox {
  readonly #batches = new Map<string, Batch>()

  readonly #withinMs: number

  constructor(far: FarEnd, withinMs = WITHIN_MS) {
    this.#withinMs = withinMs
    openFarEnd(far, (label, handle) => {
      this.#forgetBefore(label)
      const batch = this.#batch(label)
      if (batch.over) return handle?.close()
      if (handle === undefined) batch.failed = true
      else batch.handles.push(handle)
      batch.check()
    })
  }

  /** All sockets of a batch. Rejects when some of them do not come; those that did are closed. */
  take(label: string, count: number): Promise<DescriptorHandle[]> {
    const batch = this.#batch(label)
    return new Promise((resolve, reject) => {
      const give = (error: Error | undefined) => {
        clearTimeout(timer)
        batch.check = () => {}
        if (error === undefined) {
          this.#batches.delete(label)
          return resolve(batch.handles)
        }
        batch.over = true
        for (const handle of batch.handles) handle.close()
        reject(error)
      }
      const look = (had: number, emptyTurns: number): void => {
        const { length } = batch.handles
        if (length === count || batch.over) return
        if (emptyTurns === EMPTY_TURNS) return give(new Error('sockets that were sent did not come'))
        setImmediate(() => look(length, length > had ? 0 : emptyTurns + 1))
      }
      const timer = setTimeout(() => look(batch.handles.length, 0), this.#withinMs)
      batch.check = () => {
        if (batch.failed) give(failure('recvmsg', UV_EMFILE))
        else if (batch.handles.length === count) give(undefined)
      }
      batch.check()
    })
  }

  /** Batches arrive one after the other. */
  #forgetBefore(label: string): void {
    for (const [other, { over }] of this.#batches) if (over && other !== label) this.#batches.delete(other)
  }

  #batch(label: string): Batch {
    const batch = this.#batches.get(label) ?? { handles: [], failed: false, over: false, check: () => {} }
    this.#batches.set(label, batch)
    return batch
  }
}
