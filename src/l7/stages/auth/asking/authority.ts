import type { Pool } from 'undici'

const MAX_BODY = 65_536
/** Requests that may wait per connection. */
const WAIT_PER_CONNECTION = 4

export interface Question {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The answer of the authority. */
export interface Asked {
  readonly status: number
  /** By name in lower case. */
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly body: Buffer
}

/**
 * An external service at one URL that decides about credentials: a few connections of this thread only, each with a
 * deadline.
 */
export class Authority {
  readonly #origin: string
  readonly #path: string
  readonly #connections: number
  readonly #timeoutMs: number
  #pool: Pool | undefined
  #underWay = 0

  constructor(url: string, options: { readonly connections: number; readonly timeoutMs: number }) {
    const { origin, pathname, search } = new URL(url)
    this.#origin = origin
    this.#path = pathname + search
    this.#connections = options.connections
    this.#timeoutMs = options.timeoutMs
  }

  /** So many requests are under way and waiting that one more would not be answered in time. */
  get busy(): boolean {
    return this.#underWay >= this.#connections * (1 + WAIT_PER_CONNECTION)
  }

  /** Rejects when no complete answer comes in time. */
  async ask({ method, headers, body }: Question, signal?: AbortSignal): Promise<Asked> {
    this.#underWay++
    const late = AbortSignal.timeout(this.#timeoutMs)
    try {
      const pool = this.#pool ?? (await this.#open())
      const answer = await pool.request({
        path: this.#path,
        method,
        headers: { ...headers },
        ...(body !== undefined && { body }),
        signal: signal === undefined ? late : AbortSignal.any([late, signal])
      })
      const parts: Buffer[] = []
      let bytes = 0
      for await (const part of answer.body as AsyncIterable<Buffer>) {
        bytes += part.length
        if (bytes > MAX_BODY) throw new Error('its answer is too large')
        parts.push(part)
      }
      const fields = new Map<string, readonly string[]>()
      for (const [name, value] of Object.entries(answer.headers)) {
        if (value !== undefined) fields.set(name, Array.isArray(value) ? value : [value])
      }
      return { status: answer.statusCode, fields, body: Buffer.concat(parts) }
    } finally {
      this.#underWay--
    }
  }

  async #open(): Promise<Pool> {
    // Loaded on first use: it takes 12 MB in each thread.
    const { Pool } = await import('undici')
    const timeout = this.#timeoutMs
    return (this.#pool ??= new Pool(this.#origin, {
      connections: this.#connections,
      pipelining: 1,
      connect: { timeout },
      headersTimeout: timeout,
      bodyTimeout: timeout
    }))
  }
}
