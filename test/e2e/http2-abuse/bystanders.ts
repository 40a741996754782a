import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'

export interface Waits {
  /** Milliseconds of each request that was answered with 200, the shortest first. */
  readonly times: readonly number[]
  readonly failed: number
}

/** Honest clients of one lb, over HTTP/1.1 and HTTP/2 in turns. */
export class Bystanders {
  readonly #at: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  readonly #sessions: ClientHttp2Session[]
  readonly #times: number[] = []
  #failed = 0
  #asked = 0

  constructor(port: number) {
    this.#at = `http://127.0.0.1:${port}`
    this.#sessions = Array.from({ length: 4 }, () => connect(this.#at))
    for (const session of this.#sessions) session.on('error', () => {})
  }

  async ask(): Promise<void> {
    const asked = this.#asked++
    const from = performance.now()
    const status = await (asked % 2 === 0 ? this.#http1() : this.#http2(asked)).catch(() => 0)
    if (status === 200) this.#times.push(performance.now() - from)
    else this.#failed++
  }

  /** So many requests a second, whether or not those before are answered. */
  async atRate(perSecond: number, seconds: number): Promise<Waits> {
    const begun = performance.now()
    const all: Promise<void>[] = []
    while (performance.now() - begun < seconds * 1000) {
      const due = ((performance.now() - begun) / 1000) * perSecond
      while (all.length < due) all.push(this.ask())
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await Promise.all(all)
    return this.waits()
  }

  waits(): Waits {
    return { times: this.#times.toSorted((a, b) => a - b), failed: this.#failed }
  }

  close(): void {
    this.#agent.destroy()
    for (const session of this.#sessions) session.destroy()
  }

  async #http1(): Promise<number> {
    const asking = request(`${this.#at}/honest`, { agent: this.#agent }).end()
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return response.statusCode!
  }

  async #http2(asked: number): Promise<number> {
    const stream = this.#sessions[(asked >> 1) & 3]!.request({ ':path': '/honest' })
    const [headers] = (await once(stream, 'response')) as [Record<string, number>]
    stream.resume()
    await once(stream, 'end')
    return headers[':status']!
  }
}
