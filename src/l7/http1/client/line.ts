import { contain, guarded } from '../../../core/containment.ts'
import type { UpstreamFailure } from '../../forward/upstream-client.ts'
import type { Sent } from './sent.ts'

/** The requests under way on one connection, in the order in which they are answered. */
export class Line {
  #sent: Sent[] = []

  /** The request whose response is read. */
  get first(): Sent | undefined {
    return this.#sent[0]
  }

  get length(): number {
    return this.#sent.length
  }

  push(sent: Sent): void {
    this.#sent.push(sent)
  }

  shift(): Sent | undefined {
    return this.#sent.shift()
  }

  /** False: it was not in line. */
  remove(sent: Sent): boolean {
    const at = this.#sent.indexOf(sent)
    if (at !== -1) this.#sent.splice(at, 1)
    return at !== -1
  }

  /** `clean` is of the first: those behind it have had no byte of theirs. */
  fail(failure: UpstreamFailure, reason: string, clean: boolean): void {
    const all = this.#sent
    this.#sent = []
    all.forEach(({ client }, at) => {
      try {
        if (at === 0) client.onFailure(failure, reason, clean)
        else client.onFailure('reset', reason, true)
      } catch (error) {
        contain(error, client)
      }
    })
  }

  /** `told` threw, which is its client's end; the framing is in doubt, so the others try elsewhere. */
  crash(error: unknown, told: Sent | undefined): string | undefined {
    const others = this.#sent.filter((sent) => sent !== told)
    this.#sent = []
    const listener = told?.client.onInternalError?.(error)
    for (const { client } of others) {
      guarded(() => client.onFailure('reset', 'closed for an earlier request', true), client)
    }
    return listener
  }

  drained(): void {
    for (const { client } of this.#sent) {
      try {
        client.onUpstreamDrain()
      } catch (error) {
        contain(error, client)
      }
    }
  }
}
