import type { MessagePort } from 'node:worker_threads'
import type { TableSignals } from '../../balancer/table/table.ts'
import { guarded } from '../../core/containment.ts'
import type { ToPeer } from './messages.ts'

/** What a signal asks of the thread that receives it. */
export interface SignalHandlers {
  wake(pool: number): void
  shed(slot: number): void
  freed(slot: number): void
}

/**
 * The way from data plane to data plane, one channel per pair of workers, without the main thread in between. It is
 * used when somebody waits (a queue, a backend at its limit), never for a request that can go on at once.
 */
export class Peers implements TableSignals {
  readonly #ports = new Map<number, MessagePort>()
  readonly #handlers: SignalHandlers

  constructor(handlers: SignalHandlers) {
    this.#handlers = handlers
  }

  /** A new way to `thread`; it replaces that of a worker which died. */
  connect(thread: number, port: MessagePort): void {
    this.#ports.get(thread)?.close()
    this.#ports.set(thread, port)
    port.on('message', (message: ToPeer) => guarded(() => this.#receive(message)))
    // A channel to another worker is no reason to live on.
    port.unref()
  }

  wake(thread: number, pool: number): void {
    this.#send(thread, { type: 'wake', pool })
  }

  shed(slot: number): void {
    for (const thread of this.#ports.keys()) this.#send(thread, { type: 'shed', slot })
  }

  freed(thread: number, slot: number): void {
    this.#send(thread, { type: 'freed', slot })
  }

  close(): void {
    for (const port of this.#ports.values()) port.close()
    this.#ports.clear()
  }

  /** A worker that just died has no ear; whoever waited there is gone with it, and others look again in 20 ms. */
  #send(thread: number, message: ToPeer): void {
    this.#ports.get(thread)?.postMessage(message)
  }

  #receive(message: ToPeer): void {
    switch (message.type) {
      case 'wake':
        return this.#handlers.wake(message.pool)
      case 'shed':
        return this.#handlers.shed(message.slot)
      case 'freed':
        return this.#handlers.freed(message.slot)
    }
  }
}
