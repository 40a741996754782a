import type { LookupAddress } from 'node:dns'
import { BroadcastChannel, getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { guarded } from '../../core/containment.ts'

/** Names come from the configuration; the bound is for configurations that keep changing. */
const MAX_NAMES = 4_096
const PLACE = 'lb: known names'

/** To all threads: a new answer, or that a thread has begun and may have missed some. */
type Told = readonly [name: string, addresses: LookupAddress[]] | 'begun'

/**
 * What the resolver answered last, to whichever thread: one that has not asked for a name, a replacement above all, reaches its
 * backends while the resolver fails. Threads that begin inherit it; later answers are told when they differ.
 */
export class KnownNames {
  readonly #book: Map<string, LookupAddress[]>
  readonly #channel = new BroadcastChannel(PLACE)

  /** `heard` is called with the answers that other threads have had. */
  constructor(heard: (name: string, addresses: LookupAddress[]) => void) {
    const inherited = getEnvironmentData(PLACE) as unknown as Map<string, LookupAddress[]> | undefined
    this.#book = inherited ?? new Map<string, LookupAddress[]>()
    // Cloned whenever a thread begins.
    setEnvironmentData(PLACE, this.#book as unknown as Parameters<typeof setEnvironmentData>[1])
    const isFirst = inherited === undefined
    this.#channel.onmessage = (event) =>
      guarded(() => {
        const told = (event as { data: Told }).data
        if (told !== 'begun') {
          this.#keep(...told)
          heard(...told)
        } else if (isFirst) for (const entry of this.#book) this.#channel.postMessage(entry)
      })
    this.#channel.unref()
    if (!isFirst) this.#channel.postMessage('begun' satisfies Told)
  }

  get(name: string): LookupAddress[] | undefined {
    return this.#book.get(name)
  }

  /** The resolver has answered this thread. */
  answered(name: string, addresses: LookupAddress[]): void {
    if (isSame(this.#book.get(name), addresses)) return
    this.#keep(name, addresses)
    this.#channel.postMessage([name, addresses] satisfies Told)
  }

  #keep(name: string, addresses: LookupAddress[]): void {
    if (!this.#book.has(name) && this.#book.size >= MAX_NAMES)
      this.#book.delete(this.#book.keys().next().value!)
    this.#book.set(name, addresses)
  }
}

/** In any order: many servers turn it with each answer. */
function isSame(known: LookupAddress[] | undefined, addresses: LookupAddress[]): boolean {
  return (
    known?.length === addresses.length &&
    addresses.every(({ address }) => known.some((other) => other.address === address))
  )
}
