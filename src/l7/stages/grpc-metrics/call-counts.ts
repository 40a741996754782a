import type { Counter, Histogram, Metrics } from '../../../core/metrics/metrics.ts'

const UNIMPLEMENTED = '12'
/** `/package.Service/Method`. */
const CALL = /^\/([\w.]{1,128})\/(\w{1,64})$/
const OTHER = { service: 'other', method: 'other' }

interface MethodCounts {
  readonly labels: { readonly service: string; readonly method: string }
  readonly seconds: Histogram
  readonly byStatus: Map<string, Counter>
}

/** The counts of one listener on one thread; they outlive its snapshots. */
const known = new WeakMap<Metrics, Map<string, CallCounts>>()

/** Counts calls by method, for a limited number of methods: clients must not be able to create series. */
export class CallCounts {
  readonly #metrics: Metrics
  readonly #listener: string
  #max: number
  readonly #methods = new Map<string, MethodCounts>()
  readonly #other: MethodCounts

  private constructor(metrics: Metrics, listener: string, max: number) {
    this.#metrics = metrics
    this.#listener = listener
    this.#max = max
    this.#other = this.#make(OTHER)
  }

  static of(metrics: Metrics, listener: string, max: number): CallCounts {
    let listeners = known.get(metrics)
    if (listeners === undefined) known.set(metrics, (listeners = new Map<string, CallCounts>()))
    let counts = listeners.get(listener)
    if (counts === undefined) listeners.set(listener, (counts = new CallCounts(metrics, listener, max)))
    counts.#max = max
    return counts
  }

  /** `served`: a backend has answered; only then a new name gets a series of its own. */
  count(path: string, status: string, seconds: number, served: boolean): void {
    let counts = this.#methods.get(path)
    if (counts === undefined) {
      const parts =
        served && status !== UNIMPLEMENTED && this.#methods.size < this.#max ? CALL.exec(path) : null
      if (parts === null) counts = this.#other
      else this.#methods.set(path, (counts = this.#make({ service: parts[1]!, method: parts[2]! })))
    }
    counts.seconds.observe(seconds)
    this.#counter(counts, Number(status) <= 16 ? status : 'unknown').add()
  }

  #counter({ labels, byStatus }: MethodCounts, status: string): Counter {
    let counter = byStatus.get(status)
    if (counter === undefined) {
      counter = this.#metrics.counter('lb_grpc_calls_total', { listener: this.#listener, ...labels, status })
      byStatus.set(status, counter)
    }
    return counter
  }

  #make(labels: MethodCounts['labels']): MethodCounts {
    const all = { listener: this.#listener, ...labels }
    const seconds = this.#metrics.histogram('lb_grpc_call_duration_seconds', all)
    return { labels, seconds, byStatus: new Map() }
  }
}
