import { BroadcastChannel } from 'node:worker_threads'
import type { Session } from './session.ts'

/** Messages between the threads of this process about the sessions at one provider. Times in ms since 1970. */
export type News =
  /** Sessions with this name (a digest: see ended-sessions.ts) that began before `at` have ended. */
  | { readonly kind: 'ended'; readonly name: string; readonly at: number }
  /** The result of a refresh, by digest of its token. */
  | { readonly kind: 'refreshed'; readonly key: string; readonly session: Session }
  /** A thread is new: others send it the ended sessions. */
  | { readonly kind: 'hello' }

/**
 * A channel between all threads; a thread does not get its own messages. It does not keep the process alive, and lasts
 * as long as the thread.
 */
export class SessionNews {
  readonly #channel: BroadcastChannel | undefined
  readonly #listeners: ((news: News) => void)[] = []

  /** `dry`: nothing is sent or received. */
  constructor(name: string, dry = false) {
    if (dry) return
    this.#channel = new BroadcastChannel(`lb oidc ${name}`)
    this.#channel.unref()
    this.#channel.onmessage = (message: unknown) => {
      const { data } = message as { readonly data: News }
      for (const listener of this.#listeners) listener(data)
    }
  }

  tell(news: News): void {
    this.#channel?.postMessage(news)
  }

  listen(listener: (news: News) => void): void {
    this.#listeners.push(listener)
  }

  close(): void {
    this.#channel?.close()
  }
}
