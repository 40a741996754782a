import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { BackendTable } from '../../../src/balancer/table/table.ts'
import { SlotRegistry } from '../../../src/balancer/table/slot-registry.ts'
import { Pool } from '../../../src/balancer/pool/pool.ts'
import { configFromObject } from '../../../src/config/parse-config.ts'
import type { L7ListenerConfig, PoolConfig } from '../../../src/config/model/model.ts'
import { systemClock, type Clock } from '../../../src/core/clock.ts'
import { Deadlines } from '../../../src/core/deadlines.ts'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { Metrics } from '../../../src/core/metrics/metrics.ts'
import { Gate } from '../../../src/net/admission/gate.ts'
import { SharedCounts } from '../../../src/shared/shared-counts.ts'
import type { Lookup } from '../../../src/net/dial/lookup.ts'
import { readUpstreamTls, UpstreamTls } from '../../../src/net/tls/upstream-tls.ts'
import { listen } from '../../../src/net/transport/accept.ts'
import { compilePool } from '../../../src/l7/compile/compile.ts'
import type { LoadedStage } from '../../../src/l7/stages/loaded.ts'
import { L7Engine } from '../../../src/l7/l7-engine.ts'
import { PoolUpstreams, UpstreamRegistry } from '../../../src/l7/http1/client/upstream-registry.ts'

/** One L7 engine behind a real listening socket, with what a test wants to look at. */
export interface Lab {
  readonly port: number
  readonly engine: L7Engine
  readonly pools: ReadonlyMap<string, Pool>
  /** "backend outcome" of each lease whose outcome the breaker is told. */
  readonly outcomes: readonly string[]
  readonly upstreams: UpstreamRegistry
  readonly deadlines: Deadlines
  readonly metrics: Metrics
  readonly log: ReturnType<typeof memoryLogger>
  /** Leases out over all pools. */
  readonly active: number
  /** Upstream sockets over all pools. */
  readonly open: number
  client(): Promise<RawClient>
  close(): Promise<void>
}

interface LabDeps {
  readonly lookup?: Lookup | undefined
  /** The table of stages, with plugins in it. */
  readonly stages?: readonly LoadedStage[] | undefined
  /** What stages see; deadlines and sockets go by the system's. */
  readonly clock?: Clock | undefined
}

/** `config` in the shape of the YAML; its first listener is the one that runs. */
export async function startLab(
  config: object,
  { lookup, stages, clock = systemClock }: LabDeps = {}
): Promise<Lab> {
  const result = configFromObject(config)
  if (!result.ok) throw new Error(JSON.stringify(result))
  const listener = result.config.listeners[0] as L7ListenerConfig
  const table = BackendTable.create({ capacity: 64, poolCapacity: 64 })
  const slots = new SlotRegistry(table, systemClock).assign(Object.values(result.config.pools))
  const deadlines = new Deadlines(systemClock, 20)
  const metrics = new Metrics()
  const log = memoryLogger()
  const upstreams = new UpstreamRegistry(
    { deadlines, clock: systemClock, random: Math.random, ...(lookup === undefined ? {} : { lookup }) },
    metrics
  )
  const shared = { clock: systemClock, deadlines, metrics }
  const pools = new Map<string, Pool>()
  const outcomes: string[] = []
  const compiled = new Map(
    Object.values(result.config.pools).map((pool) => {
      const made = new Pool({
        config: pool,
        slots: slots[pool.name]!,
        table,
        clock: systemClock,
        random: Math.random,
        onRelease: (backend, outcome) => void outcomes.push(`${backend.name} ${outcome}`)
      })
      pools.set(pool.name, made)
      return [
        pool.name,
        compilePool(
          made,
          shared,
          new PoolUpstreams(upstreams, made, { config: pool, tls: pool.tls && tlsOf(pool) })
        )
      ]
    })
  )
  const counts = (): SharedCounts => SharedCounts.create({ entries: 64 })
  const gate = new Gate(listener, { listeners: counts(), clients: counts() }, systemClock)
  const engine = new L7Engine(
    { ...shared, clock, random: Math.random, deadlines, log },
    {
      config: listener,
      pool: (name) => compiled.get(name)!,
      gate,
      cache: () => undefined,
      ...(stages && { stages })
    }
  )
  const server: Server = await listen(
    { port: 0, host: '127.0.0.1' },
    (attach) => engine.accept(attach),
    () => {}
  )
  const { port } = server.address() as AddressInfo
  const clients: RawClient[] = []
  const sum = (of: (pool: Pool) => number): number => [...pools.values()].reduce((n, pool) => n + of(pool), 0)
  return {
    port,
    engine,
    pools,
    outcomes,
    upstreams,
    deadlines,
    metrics,
    log,
    get active() {
      return sum((pool) => pool.backends.reduce((n, backend) => n + backend.active, 0))
    },
    get open() {
      return sum((pool) => pool.backends.reduce((n, backend) => n + backend.open, 0))
    },
    async client() {
      const client = await RawClient.to(port)
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) client.socket.destroy()
      engine.destroy()
      upstreams.closeIdle()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

function tlsOf({ tls, protocol }: PoolConfig): UpstreamTls {
  return new UpstreamTls(readUpstreamTls(tls!, protocol === 'h2' ? ['h2'] : undefined))
}

/** A TCP client that sends what it is told and gathers what comes. */
export class RawClient {
  readonly socket: Socket
  received = ''
  ended = false
  closed = false
  error: NodeJS.ErrnoException | undefined
  #wake: (() => void)[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1')
      this.#changed()
    })
    socket.on('connect', () => this.#changed())
    socket.on('end', () => {
      this.ended = true
      this.#changed()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error))
    socket.on('close', () => {
      this.closed = true
      this.#changed()
    })
  }

  /** Resolves once connected, or refused: see `closed`. */
  static async to(port: number): Promise<RawClient> {
    const client = new RawClient(connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
    await client.until(({ socket, closed }) => closed || !socket.connecting, 'connection')
    return client
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Resolves when `condition` holds; rejects after half a minute with what came. */
  async until(condition: (client: RawClient) => boolean, what = 'condition'): Promise<void> {
    const late = AbortSignal.timeout(30_000)
    while (!condition(this)) {
      if (late.aborted)
        throw new Error(`no ${what}; received ${JSON.stringify(this.received.slice(0, 2000))}`)
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve)
        setTimeout(resolve, 50)
      })
    }
  }

  text(part: string): Promise<void> {
    return this.until((client) => client.received.includes(part), part)
  }

  /** All that came until the connection ended. */
  async end(): Promise<string> {
    await this.until((client) => client.ended || client.closed, 'end')
    return this.received
  }

  #changed(): void {
    const wake = this.#wake
    this.#wake = []
    for (const one of wake) one()
  }
}

/** A backend made of raw sockets: each connection is given to `serve`. */
export interface RawBackend {
  readonly port: number
  readonly address: string
  readonly connections: RawClient[]
  close(): Promise<void>
}

export async function rawBackend(
  serve: (connection: RawClient) => void,
  { host = '127.0.0.1', port: wanted = 0 } = {}
): Promise<RawBackend> {
  const connections: RawClient[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new RawClient(socket)
    connections.push(connection)
    serve(connection)
  })
  await new Promise<void>((resolve) => server.listen(wanted, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    address: `${host}:${port}`,
    connections,
    async close() {
      for (const connection of connections) connection.socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** Answers each complete head on the connection with what `answer` returns for it; '' sends nothing. */
export function answering(answer: (head: string, connection: RawClient) => string) {
  return (connection: RawClient): void => {
    let read = 0
    connection.socket.on('data', () => {
      for (;;) {
        const end = connection.received.indexOf('\r\n\r\n', read)
        if (end === -1) return
        const head = connection.received.slice(read, end + 4)
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (connection.received.length < end + 4 + length) return
        read = end + 4 + length
        const text = answer(head, connection)
        if (text !== '') connection.send(text)
      }
    })
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export function get(path = '/', extra = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: example.test\r\n${extra}\r\n`
}

/** A lab in front of `backends`, with `pool` and `listener` over the usual settings. */
export function labOf(
  backends: readonly (RawBackend | string)[],
  { pool = {}, listener = {}, ...parts }: LabDeps & { pool?: object; listener?: object } = {}
): Promise<Lab> {
  return startLab(
    {
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', ...listener }],
      pools: {
        web: {
          backends: backends.map((backend) => (typeof backend === 'string' ? backend : backend.address)),
          ...pool
        }
      }
    },
    parts
  )
}

/** Polls until `condition` holds. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const late = AbortSignal.timeout(30_000)
  while (!condition()) {
    if (late.aborted) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
