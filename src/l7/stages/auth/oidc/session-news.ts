import { BroadcastChannel } from 'node:worker_threads'
import type { Session } from './session.ts'

/** What the threads of this process tell each other of the sessions at one provider. Times in ms since 1970. */
export type News =
  /** The sessions of this name (a digest: see ended-sessions.ts) that had begun before are over. */
  | { readonly kind: 'ended'; readonly name: string; readonly at: number }
  /** What a refresh, by digest of its token, has brought. */
  | { readonly kind: 'refreshed'; readonly key: string; readonly session: Session }
  /** A thread is new: it is told of what has ended. */
  | { readonly kind: 'hello' }

/** A channel over all threads; a thread does not hear itself. It keeps nobody alive, and lasts as long as the thread. */
export class SessionNews {
  readonly #channel: BroadcastChannel | undefined
  readonly #listeners: ((news: News) => void)[] = []

  /** `dry`: nobody is told, and nobody heard. */
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
