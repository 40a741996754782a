import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'

/** The connection that hears messages, and those that carry commands. */
export type Way = 'bus' | 'commands'

interface Pair {
  readonly near: Socket
  readonly far: Socket
  way: Way
}

/** The way of one instance to Redis. Each kind of connection can be held, slowed and cut by itself. */
export class Partition {
  readonly url: string
  readonly #held = new Set<Way>()
  readonly #pairs = new Set<Pair>()
  #delayMs = 0
  #refuses = false
  #letGo: (() => void)[] = []

  private constructor(path: string) {
    this.url = `unix:${path}`
  }

  static async start(t: Test, folder: string, name: string, redis: string): Promise<Partition> {
    const path = join(folder, name)
    const made = new Partition(path)
    const server = createServer((near) => made.#pass(near, connect(redis))).listen(path)
    await once(server, 'listening')
    t.teardown(() => {
      server.close()
      made.cut('bus')
      made.cut('commands')
    })
    return made
  }

  /** What is sent meanwhile arrives late. */
  hold(way: Way): void {
    this.#held.add(way)
  }

  slow(ms: number): void {
    this.#delayMs = ms
  }

  /** What has not arrived is lost. */
  cut(way: Way): void {
    for (const pair of this.#pairs) if (pair.way === way) pair.near.destroy()
  }

  /** No new connection is made. */
  refuse(): void {
    this.#refuses = true
  }

  heal(): void {
    this.#held.clear()
    this.#delayMs = 0
    this.#refuses = false
    for (const go of this.#letGo.splice(0)) go()
  }

  #pass(near: Socket, far: Socket): void {
    const pair: Pair = { near, far, way: 'commands' }
    for (const socket of [near, far]) socket.on('error', () => {})
    if (this.#refuses) {
      near.destroy()
      far.destroy()
      return
    }
    this.#pairs.add(pair)
    near.on('close', () => {
      this.#pairs.delete(pair)
      far.destroy()
    })
    far.on('close', () => near.destroy())
    this.#forward(pair, near, far, (bytes) => {
      if (pair.way === 'commands' && /\r\nsubscribe\r\n/i.test(bytes.toString('latin1'))) pair.way = 'bus'
    })
    this.#forward(pair, far, near, () => {})
  }

  #forward(pair: Pair, from: Socket, to: Socket, sees: (bytes: Buffer) => void): void {
    let last = Promise.resolve()
    from.on('data', (bytes) => {
      sees(bytes)
      const due = performance.now() + this.#delayMs
      last = last.then(async () => {
        while (this.#held.has(pair.way)) await new Promise<void>((resolve) => this.#letGo.push(resolve))
        const ms = due - performance.now()
        if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
        to.write(bytes)
      })
    })
  }
}
