import {
  closeUnopened,
  joinedPipes,
  sendDescriptor,
  type DescriptorHandle,
  type FarEnd,
  type IpcPipe
} from './ipc-pipe.ts'

/** What a worker finds in its inbox: the number of sockets of each key, in the order of arrival. */
export interface SentSockets {
  readonly batch: string
  readonly keys: readonly (readonly [key: string, count: number])[]
}

/**
 * Sends sockets from the main thread to one worker. Threads share the table of descriptors, and a worker that dies
 * closes its descriptors: so it gets duplicates, and the main thread keeps the sockets.
 */
export class DescriptorSender {
  readonly #opened: (far: FarEnd) => void
  #pipe: Promise<IpcPipe> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #batches = 0
  #closed = false
  #far: FarEnd | undefined

  /** `opened` passes the worker's end to the worker, before anything is sent. */
  constructor(opened: (far: FarEnd) => void) {
    this.#opened = opened
  }

  /** Sends them, and calls `announce` once they are on their way; calls are executed in order. */
  send(
    sockets: ReadonlyMap<string, readonly DescriptorHandle[]>,
    announce: (sent: SentSockets) => void
  ): Promise<void> {
    const next = this.#last.then(async () => announce(await this.#send(sockets)))
    this.#last = next.catch(() => {})
    return next
  }

  close(): void {
    this.#closed = true
    this.#pipe?.then(
      (pipe) => {
        pipe.close()
        // The worker has died before it came to open it.
        if (this.#far !== undefined) closeUnopened(this.#far)
      },
      () => {}
    )
  }

  async #send(sockets: ReadonlyMap<string, readonly DescriptorHandle[]>): Promise<SentSockets> {
    const batch = `${++this.#batches}`
    const keys: (readonly [string, number])[] = []
    for (const [key, handles] of sockets) {
      let count = 0
      for (const handle of handles) {
        const pipe = await (this.#pipe ??= this.#open())
        if (this.#closed) throw new Error('the worker is gone')
        // A reload has closed it meanwhile.
        if (handle.fd < 0) continue
        await sendDescriptor(pipe, batch, handle)
        count++
      }
      if (count > 0) keys.push([key, count])
    }
    return { batch, keys }
  }

  async #open(): Promise<IpcPipe> {
    const { near, far } = await joinedPipes()
    this.#far = far
    this.#opened(far)
    return near
  }
}
