import { Agent, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: NodeJS.Dict<string | string[]>
}

export function get(port: number, path = '/', agent?: Agent | false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, agent: agent ?? false }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (part: string) => (body += part))
      response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }))
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end()
  })
}

/** Keep-alive connections, closed after the test. */
export function keepAlive(t: Test, most: number): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: most })
  t.teardown(() => agent.destroy())
  return agent
}

export interface Load {
  /** By status, or by error code. */
  readonly results: Map<string, number>
  /** Longest answer, ms. */
  slowest: number
  readonly total: number
  /** Resolves when all clients have ended their request. */
  stop(): Promise<void>
}

/** `clients` who ask one after the other over kept connections, until stopped. */
export function load(t: Test, port: () => number, clients: number, path = '/'): Load {
  const agent = keepAlive(t, clients)
  const results = new Map<string, number>()
  const count = (key: string) => results.set(key, (results.get(key) ?? 0) + 1)
  let stopped = false
  const run = async () => {
    while (!stopped) {
      const began = performance.now()
      try {
        count(String((await get(port(), path, agent)).status))
      } catch (error) {
        count((error as NodeJS.ErrnoException).code ?? String(error))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      state.slowest = Math.max(state.slowest, performance.now() - began)
    }
  }
  const running = Array.from({ length: clients }, run)
  const state = {
    results,
    slowest: 0,
    get total() {
      return [...results.values()].reduce((sum, n) => sum + n, 0)
    },
    async stop() {
      stopped = true
      await Promise.all(running)
    }
  }
  t.teardown(() => (stopped = true))
  return state
}

export interface Line {
  readonly socket: Socket
  /** Sends a line and resolves with the one that comes back. */
  ask(text: string): Promise<string>
  readonly closed: Promise<Error | undefined>
}

/** A TCP client that talks in lines. */
export async function dialLine(t: Test, port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  let failure: Error | undefined
  let wake = () => {}
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part
    wake()
  })
  socket.on('error', (error) => (failure = error))
  const closed = new Promise<Error | undefined>((resolve) =>
    socket.once('close', () => {
      resolve(failure)
      wake()
    })
  )
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return {
    socket,
    closed,
    async ask(line) {
      socket.write(`${line}\n`)
      while (!text.includes('\n')) {
        if (socket.destroyed) throw failure ?? new Error('closed')
        await new Promise<void>((resolve) => (wake = resolve))
      }
      const end = text.indexOf('\n')
      const answer = text.slice(0, end)
      text = text.slice(end + 1)
      return answer
    }
  }
}
