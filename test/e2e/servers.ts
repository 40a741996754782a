import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'
import type { Config } from '../../src/config/model/model.ts'
import { memoryLogger, type LoggedLine } from '../fakes/memory-logger.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { start } from '../../src/runtime/control/start.ts'
import type { StartOptions } from '../../src/runtime/control/start-options.ts'
import { configOf } from '../runtime/configs.ts'
import { resetSocket } from '../reset-socket.ts'

export interface Origin {
  readonly address: string
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
  requests: number
  /** Most connections open at the same time, as the server saw it. */
  mostOpen: number
  close(): void
}

/** An HTTP backend that answers its name, or what `handle` says. */
export async function httpOrigin(
  t: Test,
  name: string,
  handle: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end(name)
): Promise<Origin> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    origin.requests++
    response.setHeader('x-origin', name)
    handle(request, response)
  })
  const origin = await listening(t, server)
  return origin
}

/** A TCP backend: echoes, or does what `handle` says with each connection. */
export async function tcpOrigin(t: Test, handle?: (socket: Socket) => void): Promise<Origin> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (handle === undefined) socket.pipe(socket)
    else handle(socket)
  })
  return listening(t, server)
}

async function listening(t: Test, server: Server): Promise<Origin> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    origin.mostOpen = Math.max(origin.mostOpen, sockets.size)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin: Origin = {
    address: `127.0.0.1:${port}`,
    port,
    sockets,
    requests: 0,
    mostOpen: 0,
    close() {
      server.close()
      for (const socket of sockets) resetSocket(socket)
    }
  }
  t.teardown(() => origin.close())
  return origin
}

export interface Lb {
  readonly running: Runtime
  readonly lines: readonly LoggedLine[]
  /** The port of the listener called `name`. */
  port(name: string): number
  apply(yaml: object): Promise<unknown>
}

/** `lb` in this process, with its workers, stopped after the test. */
export async function startLb(t: Test, yaml: object | Config, options: StartOptions = {}): Promise<Lb> {
  const log = memoryLogger('debug')
  const config = 'caches' in yaml && 'shutdown' in yaml ? (yaml as Config) : configOf(yaml)
  const running = (await start(config, { log, logLevel: 'silent', ...options })) as Runtime
  t.teardown(() => running.kill())
  return {
    running,
    lines: log.lines,
    port: (name) => running.addresses.find(({ listener }) => listener === name)!.port!,
    apply: (next) => running.apply(configOf(next))
  }
}

/** Waits until `holds`, looking every 10 ms; fails the test after `withinMs`. */
export async function until(holds: () => boolean, what: string, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
