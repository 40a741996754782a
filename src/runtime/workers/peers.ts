import type { MessagePort } from 'node:worker_threads'
import type { TableSignals } from '../../balancer/table/table.ts'
import { guarded } from '../../core/containment.ts'
import type { ToPeer } from './messages.ts'

/** What a thread does on a signal of another one. */
export interface SignalHandlers {
  wake(pool: number): void
  shed(slot: number): void
  freed(slot: number): void
}

/**
 * Direct channels between data planes, one per pair of workers. They are used when a request waits (a queue, a backend
 * at its limit), never for a request that can continue at once.
 */
export class Peers implements TableSignals {
  readonly #ports = new Map<number, MessagePort>()
  readonly #handlers: SignalHandlers

  constructor(handlers: SignalHandlers) {
    this.#handlers = handlers
  }

  /** A new channel to `thread`; it replaces that of a dead worker. */
  connect(thread: number, port: MessagePort): void {
    this.#ports.get(thread)?.close()
    this.#ports.set(thread, port)
    port.on('message', (message: ToPeer) => guarded(() => this.#receive(message)))
    // A channel to another worker must not keep this one alive.
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

  /**
   * The channel of a worker that just died is missing; its own waiters are gone with it, and others check again within
   * 20 ms.
   */
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
