import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { isIP } from 'node:net'
import { isLocalBind } from '../config/local-bind.ts'
import type { AddressBind, Bind } from '../config/model/bind.ts'
import type { AdminConfig } from '../config/model/model.ts'
import { systemClock, type Clock } from '../core/clock.ts'
import type { Logger } from '../core/log/log.ts'
import { bindServer } from './bind-server.ts'
import { boundConnections } from './connection-room.ts'
import { adminProblem } from './bind-policy.ts'
import type { ControlPlane } from './control-plane.ts'
import type { AdminAccess } from './authorise.ts'
import { Turns } from './turns.ts'
import { WrongTokens } from './wrong-tokens.ts'
import { handle } from './api/handler.ts'

/**
 * Each scraper, probe and dashboard uses one; beyond this number the oldest idle one is closed, so that descriptors are
 * left for the listeners.
 */
const MAX_CONNECTIONS = 256
/** How long active calls may take to end when their listener is removed. */
const CLOSE_MS = 5_000
/** … when lb stops, within the second after `shutdown.grace`. */
const STOP_MS = 500

interface Bound {
  readonly server: Server
  readonly bind: AddressBind
  readonly closeIdle: () => void
}

/** The HTTP side of the control plane: /healthz, /readyz, /metrics and /api on every bind of `admin.bind`. */
export class AdminServer {
  readonly #plane: ControlPlane
  readonly #log: Logger
  readonly #wrongTokens: WrongTokens
  readonly #turns = new Turns()
  #token: string | undefined
  #bound: readonly Bound[] = []

  constructor(plane: ControlPlane, log: Logger, clock: Clock = systemClock) {
    this.#plane = plane
    this.#log = log
    this.#wrongTokens = new WrongTokens(clock)
  }

  /** The addresses, with the actual port for port 0: `127.0.0.1:9900`. */
  get addresses(): readonly string[] {
    return this.#bound.map(({ server, bind }) => {
      const address = server.address()
      if (address === null || typeof address === 'string') return bind.text
      return address.family === 'IPv6'
        ? `[${address.address}]:${address.port}`
        : `${address.address}:${address.port}`
    })
  }

  /**
   * Listens as the configuration says (undefined: nowhere); also for a reload. Unchanged binds keep their sockets; when
   * a new bind fails nothing changes and the error of `listen` (EADDRINUSE) is thrown.
   */
  async apply(config: AdminConfig | undefined): Promise<void> {
    const problem = config && adminProblem(config)
    if (problem !== undefined) throw new Error(problem)
    const kept: Bound[] = []
    const added: Bound[] = []
    try {
      for (const bind of config?.binds ?? []) {
        const old = this.#bound.find((bound) => bound.bind.text === bind.text)
        if (old !== undefined) kept.push(old)
        else added.push(await this.#bind(bind))
      }
    } catch (error) {
      await Promise.all(added.map((bound) => close(bound)))
      throw error
    }
    const removed = this.#bound.filter((bound) => !kept.includes(bound))
    this.#bound = [...kept, ...added]
    this.#token = config?.token === '' ? undefined : config?.token
    // Not awaited: the call that asked for this reload may have come through one of them.
    for (const bound of removed) void close(bound)
  }

  /** Stops listening on these addresses at once; active calls are answered. */
  leave(binds: readonly Bind[]): void {
    const texts = new Set(binds.map(({ text }) => text))
    const left = this.#bound.filter(({ bind }) => texts.has(bind.text))
    this.#bound = this.#bound.filter((bound) => !left.includes(bound))
    for (const bound of left) void close(bound)
  }

  /** Stops listening; resolves when active calls have been answered, or after half a second. */
  async close(): Promise<void> {
    const bound = this.#bound
    this.#bound = []
    await Promise.all(bound.map((each) => close(each, STOP_MS)))
  }

  async #bind(bind: AddressBind): Promise<Bound> {
    const local = isLocalBind(bind)
    const host = bind.kind === 'tcp' && isIP(bind.host) === 0 ? bind.host : undefined
    const server = createServer(
      {
        headersTimeout: 10_000,
        requestTimeout: 10_000,
        keepAliveTimeout: 15_000,
        connectionsCheckingInterval: 1_000
      },
      (request, response) => {
        response.on('error', () => {})
        const unix = bind.kind === 'unix'
        const wrongTokens = this.#wrongTokens
        const options: AdminAccess = { token: this.#token, local, host, unix, wrongTokens }
        this.#turns.take(request, response, () => {
          void handle(request, response, this.#plane, options, this.#log)
        })
      }
    )
    const closeIdle = boundConnections(server, MAX_CONNECTIONS)
    // Once it listens, errors come from accept (EMFILE): the next accept may succeed.
    server.on('error', (error) => {
      if (server.listening)
        this.#log.error({ err: error, bind: bind.text }, 'admin listener failed to accept')
    })
    return { bind, server: await bindServer(server, bind), closeIdle }
  }
}

async function close({ server, closeIdle }: Bound, withinMs = CLOSE_MS): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  closeIdle()
  const timer = setTimeout(() => server.closeAllConnections(), withinMs)
  await closed
  clearTimeout(timer)
}
