import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What is asked for again and again. */
export interface Asked {
  readonly name: string
  readonly url: () => string
  readonly headers?: Readonly<Record<string, string>>
  readonly statuses: readonly number[]
}

export interface Seen {
  readonly asked: number
  /** What came that should not have. */
  readonly wrong: readonly string[]
  /** In ms. */
  readonly slowest: number
  readonly p99: number
}

const PAUSE_MS = 3
const MAX_WRONG = 20

/** Asks for each thing over a connection of its own, one request after the other, until it is stopped. */
export class Traffic {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #lines: readonly Promise<void>[]
  #over = false
  #wrong: string[] = []
  #times: number[] = []

  constructor(all: readonly Asked[]) {
    this.#lines = all.map((each) => this.#line(each))
  }

  /** Of all that was answered since it was last called. */
  take(): Seen {
    const times = this.#times.sort((a, b) => a - b)
    const wrong = this.#wrong
    this.#wrong = []
    this.#times = []
    return {
      asked: times.length,
      wrong,
      slowest: times.at(-1) ?? 0,
      p99: times[Math.floor(times.length * 0.99)] ?? 0
    }
  }

  async stop(): Promise<void> {
    this.#over = true
    await Promise.all(this.#lines)
    this.#agent.destroy()
  }

  async #line({ name, url, headers, statuses }: Asked): Promise<void> {
    while (!this.#over) {
      const from = performance.now()
      const found = await this.#ask(url(), headers ?? {})
      this.#times.push(performance.now() - from)
      const right = typeof found === 'number' && statuses.includes(found)
      if (!right && this.#wrong.length < MAX_WRONG) this.#wrong.push(`${name}: ${found}`)
      await sleep(PAUSE_MS)
    }
  }

  /** The status, or what went wrong. */
  #ask(url: string, headers: Readonly<Record<string, string>>): Promise<number | string> {
    return new Promise((resolve) => {
      const asking = request(url, { agent: this.#agent, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!))
        response.on('error', ({ message }) => resolve(message))
      })
      asking.on('error', ({ message }) => resolve(message))
      asking.end()
    })
  }
}
