import type { Counter } from '../../../core/metrics/metrics.ts'
import type { Transport } from '../../../net/transport/transport.ts'

/** Reports the bytes of a connection to the metrics, once per exchange instead of once per read. */
export class Traffic {
  readonly #transport: Transport
  readonly #counters: { readonly bytesIn: Counter; readonly bytesOut: Counter }
  #in = 0
  #out = 0

  constructor(transport: Transport, counters: { readonly bytesIn: Counter; readonly bytesOut: Counter }) {
    this.#transport = transport
    this.#counters = counters
  }

  /** Reports what passed since the last call. */
  count(): void {
    const { bytesIn, bytesOut } = this.#transport
    this.#counters.bytesIn.add(bytesIn - this.#in)
    this.#counters.bytesOut.add(bytesOut - this.#out)
    this.#in = bytesIn
    this.#out = bytesOut
  }
}
