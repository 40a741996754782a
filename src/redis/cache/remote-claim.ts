import { LEASE_MS, type RemoteCache } from './remote-cache.ts'

/**
 * The right to publish one key, prolonged while this object lives: other instances wait for the holder as long as it
 * does that.
 */
export class RemoteClaim {
  readonly key: string
  readonly token: string
  readonly #remote: RemoteCache
  #ours: boolean
  #storing = false
  #over = false
  #offsetMs: number | undefined
  #onOffset: (() => void) | undefined
  #cancel: () => void = () => {}

  /** `taken`: the token, when it is ours already. Otherwise `store` takes the claim from its holder. */
  constructor(remote: RemoteCache, key: string, taken: string | undefined) {
    this.#remote = remote
    this.key = key
    this.token = taken ?? remote.token()
    this.#ours = taken !== undefined
    if (this.#ours) this.#later()
  }

  /** Upstream has answered. `known` is called once the server's time is known: see `offsetMs`. */
  store(known: () => void): void {
    this.#storing = true
    this.#onOffset = known
    this.#cancel()
    this.#hold(!this.#ours)
    this.#ours = true
  }

  get lost(): boolean {
    return this.#over
  }

  /** Add it to a time of this machine for one of the server, not later than the true one. */
  get offsetMs(): number | undefined {
    return this.#offsetMs
  }

  /** It has been used, or lost. */
  end(): void {
    this.#over = true
    this.#cancel()
  }

  abandon(): void {
    if (this.#over) return
    this.end()
    this.#remote.release(this.key, this.token)
  }

  #hold(take: boolean): void {
    this.#remote.hold(this.key, this.token, { storing: this.#storing, take }, (offsetMs) => {
      if (this.#over) return
      if (offsetMs === undefined) {
        this.end()
      } else {
        this.#offsetMs = offsetMs
        this.#later()
      }
      const known = this.#onOffset
      this.#onOffset = undefined
      known?.()
    })
  }

  #later(): void {
    this.#cancel()
    this.#cancel = this.#remote.clock.after(LEASE_MS / 3, () => this.#hold(false))
  }
}
