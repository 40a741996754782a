import { contain, guarded } from '../../../core/containment.ts'
import type { UpstreamFailure } from '../../forward/upstream-client.ts'
import type { Sent } from './sent.ts'

/** The requests under way on one connection, in the order in which they will be answered. */
export class Line {
  /**
   * The request whose response is being read. A field of its own, since without pipelining there is no other: an array
   * costs 100 ns more.
   */
  #first: Sent | undefined
  readonly #others: Sent[] = []

  get first(): Sent | undefined {
    return this.#first
  }

  get length(): number {
    return this.#first === undefined ? 0 : 1 + this.#others.length
  }

  push(sent: Sent): void {
    if (this.#first === undefined) this.#first = sent
    else this.#others.push(sent)
  }

  shift(): Sent | undefined {
    const first = this.#first
    this.#first = this.#others.length === 0 ? undefined : this.#others.shift()
    return first
  }

  /** False when it was not in the line. */
  remove(sent: Sent): boolean {
    if (sent === this.#first) return this.shift() !== undefined
    const at = this.#others.indexOf(sent)
    if (at !== -1) this.#others.splice(at, 1)
    return at !== -1
  }

  /** Empties it. */
  #all(): Sent[] {
    const all = this.#first === undefined ? [] : [this.#first, ...this.#others]
    this.#first = undefined
    this.#others.length = 0
    return all
  }

  /** `clean` holds for the first request; those behind it have had no byte of a response. */
  fail(failure: UpstreamFailure, reason: string, clean: boolean): void {
    this.#all().forEach(({ client }, at) => {
      try {
        if (at === 0) client.onFailure(failure, reason, clean)
        else client.onFailure('reset', reason, true)
      } catch (error) {
        contain(error, client)
      }
    })
  }

  /**
   * A callback of `current` threw, which ends its exchange only. The framing is in doubt, so the others are tried on other
   * connections.
   */
  crash(error: unknown, current: Sent | undefined): string | undefined {
    const others = this.#all().filter((sent) => sent !== current)
    const listener = current?.client.onInternalError?.(error)
    for (const { client } of others) {
      guarded(() => client.onFailure('reset', 'closed for an earlier request', true), client)
    }
    return listener
  }

  drained(): void {
    // A copy, since the callbacks may change the line.
    const all = this.#first === undefined ? [] : [this.#first, ...this.#others]
    for (const { client } of all) {
      try {
        client.onUpstreamDrain()
      } catch (error) {
        contain(error, client)
      }
    }
  }
}
