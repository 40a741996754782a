import type { RedisConfig } from '../config/model/model.ts'
import { RedisClient, type RedisClientParts } from './redis-client.ts'

/** The client of one thread: made when something first says `store: redis`, kept over reloads that do not change it. */
export class ThreadRedis {
  readonly #parts: RedisClientParts
  readonly #clients = new Map<string, RedisClient>()

  constructor(parts: RedisClientParts) {
    this.#parts = parts
  }

  use(config: RedisConfig): RedisClient {
    const key = JSON.stringify(config)
    let client = this.#clients.get(key)
    if (client === undefined) {
      client = new RedisClient(config, this.#parts)
      this.#clients.set(key, client)
    }
    return client
  }

  /** Closes those of other configurations. */
  retain(config: RedisConfig | undefined): void {
    const kept = JSON.stringify(config)
    for (const [key, client] of this.#clients) {
      if (key === kept) continue
      client.close()
      this.#clients.delete(key)
    }
  }
}
