import { failure, UV_EMFILE } from '../transport/raw-streams.ts'
import { joinedPipes, openFarEnd, sendDescriptor, type DescriptorHandle, type IpcPipe } from './ipc-pipe.ts'

const WITHIN_MS = 5_000

/**
 * A second descriptor of one socket. Node has no dup(2), but a socket that a process sends to itself over an IPC pipe
 * arrives as another descriptor.
 */
export class Duplicator {
  #pipe: Promise<IpcPipe> | undefined
  #last: Promise<unknown> = Promise.resolve()
  /** Numbers the copies, so that a late one is not taken for the next. */
  #number = 0
  #arrived: ((copy: DescriptorHandle | undefined) => void) | undefined

  /** One at a time. The caller must close the copy. */
  duplicate<T extends DescriptorHandle>(handle: T): Promise<T> {
    const next = this.#last.then(() => this.#duplicate(handle))
    this.#last = next.catch(() => {})
    return next
  }

  async #duplicate<T extends DescriptorHandle>(handle: T): Promise<T> {
    const pipe = await (this.#pipe ??= this.#open())
    let timer: NodeJS.Timeout | undefined
    const arrived = new Promise<DescriptorHandle | undefined>((resolve) => {
      this.#arrived = resolve
      // Also what holds the process open meanwhile: the pipe does not.
      // A thread that was late by itself meets its timer before the pipe: it looks there once more.
      timer = setTimeout(() => setImmediate(() => setImmediate(resolve, undefined)), WITHIN_MS)
    })
    await sendDescriptor(pipe, `${++this.#number}`, handle)
    const copy = await arrived
    clearTimeout(timer)
    this.#arrived = undefined
    if (copy === undefined) throw failure('dup', UV_EMFILE)
    // It has the same kind as the handle that was sent.
    return copy as T
  }

  async #open(): Promise<IpcPipe> {
    const { near, far } = await joinedPipes()
    ends.push(
      openFarEnd(far, (label, copy) => {
        if (label === `${this.#number}` && this.#arrived !== undefined) this.#arrived(copy)
        else copy?.close()
      })!
    )
    return near
  }
}

/** Kept for the life of the process. */
const ends: IpcPipe[] = []

/** One for each thread: its pipe stays open when an lb that was embedded has stopped. */
export const duplicator = new Duplicator()
