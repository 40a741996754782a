import type { Subscriber } from '../../subscriber.ts'
import type { CacheNames } from '../names.ts'
import type { TierWords } from '../tier-words.ts'
import { askText, readConfirmation } from './ask.ts'

export interface ConfirmationsDeps {
  /** Of the thread. */
  readonly subscriber: Subscriber
  readonly names: CacheNames
  readonly words: Pick<TierWords, 'others'>
  /** Identifies this process. */
  readonly instance: string
  readonly thread: number
}

/** All other instances are asked to confirm one removal. */
export interface Expected {
  readonly ask: string
  /** It is not waited for any more. */
  cancel(): void
}

interface Waiting {
  /** Those that have confirmed it. */
  readonly by: Set<string>
  readonly need: number
  readonly done: () => void
}

/** Hears, for one thread, that other instances have applied its removals to their memory. */
export class Confirmations {
  readonly #deps: ConfirmationsDeps
  readonly #channel: string
  readonly #waiting = new Map<number, Waiting>()
  #listening = false
  #last = 0

  constructor(deps: ConfirmationsDeps) {
    const { subscriber, names, instance, thread } = deps
    this.#deps = deps
    this.#channel = names.confirmed(instance, thread)
    subscriber.listen(this.#channel, {
      heard: (message) => this.#heard(message),
      listens: () => void (this.#listening = true),
      lost: () => void (this.#listening = false)
    })
  }

  /** `done` is called once all have confirmed it. Undefined: there is no other instance, or it could not be heard. */
  expect(done: () => void): Expected | undefined {
    const { words, instance, thread } = this.#deps
    const need = words.others
    if (need <= 0 || !this.#listening) return undefined
    const number = ++this.#last
    this.#waiting.set(number, { by: new Set(), need, done })
    return {
      ask: askText({ instance, thread, number }),
      cancel: () => void this.#waiting.delete(number)
    }
  }

  close(): void {
    this.#deps.subscriber.leave(this.#channel)
  }

  #heard(message: string): void {
    const heard = readConfirmation(message)
    const waiting = heard && this.#waiting.get(heard.number)
    if (heard === undefined || waiting === undefined) return
    waiting.by.add(heard.instance)
    if (waiting.by.size < waiting.need) return
    this.#waiting.delete(heard.number)
    waiting.done()
  }
}
