import type { Bind } from '../../../config/model/bind.ts'
import { own } from '../../../core/own.ts'
import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'
import type { Metrics } from '../../../core/metrics/metrics.ts'
import type { StreamHandle } from '../../../net/descriptors/bind-stream.ts'
import { onShortage } from '../../../net/transport/descriptors.ts'
import { bindError } from '../../control/start-error.ts'
import type { ListenerEngine } from '../listener-engine.ts'
import { bindKey, type ListenerPlan, type PlaneSnapshot } from '../plane-snapshot.ts'
import { AcceptFailures, shortageReport } from './accept-failures.ts'
import { leadTo, openBound, type Bound, type GivenSockets } from './bound.ts'
import { ListenSocket } from './listen-socket.ts'
import { hasReusePort } from './reuse-port.ts'

export interface ThreadSocketsDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /**
   * True for the one thread that serves addresses that cannot be shared: unix sockets, and all addresses without
   * reusePort.
   */
  readonly servesUnshared: boolean
}

/** Bound for a snapshot that is not in force yet, by bind key. */
export type FreshSockets = Map<string, Bound>

/** The sockets of one thread, by bind key: an address that stays in the configuration keeps its socket. */
export class ThreadSockets {
  readonly #deps: ThreadSocketsDeps
  readonly #sockets = new Map<string, Bound>()
  /** No listener uses them any more; queued connections are still accepted. */
  readonly #closing = new Set<Bound>()

  constructor(deps: ThreadSocketsDeps) {
    this.#deps = deps
    onShortage(shortageReport(deps.log, deps.clock))
  }

  /**
   * Binds the new addresses of a listener, or takes them from `given`. Throws a StartError; `fresh` has what was bound
   * by then.
   */
  async open(
    { config }: ListenerPlan,
    index: number,
    { ports }: PlaneSnapshot,
    engine: ListenerEngine,
    fresh: FreshSockets,
    given: GivenSockets
  ): Promise<void> {
    for (const [place, bind] of config.binds.entries()) {
      const key = bindKey(config, bind, place)
      const handles = given.get(key)
      if (this.#sockets.has(key) || fresh.has(key)) continue
      if (handles === undefined && !this.#serves(bind.kind)) continue
      const how = { handles, port: own(ports, key), onError: this.#onError(config.name) }
      given.delete(key)
      try {
        fresh.set(key, await openBound(config, bind, engine, how))
      } catch (error) {
        throw bindError(error as NodeJS.ErrnoException, bind.text, `listeners[${index}].bind`, config.name)
      }
    }
  }

  /**
   * Assigns every socket to its listener's engine, closes unused ones, and accepts on new ones. Resolves once the
   * unused ones are closed.
   */
  commit(
    fresh: FreshSockets,
    snapshot: PlaneSnapshot,
    engines: ReadonlyMap<string, ListenerEngine>
  ): Promise<unknown> {
    for (const [key, socket] of fresh) this.#sockets.set(key, socket)
    const wanted = new Set<string>()
    for (const { config } of snapshot.listeners) {
      const engine = engines.get(config.name)!
      for (const [place, bind] of config.binds.entries()) {
        const key = bindKey(config, bind, place)
        wanted.add(key)
        const socket = this.#sockets.get(key)
        if (socket !== undefined) leadTo(socket, engine)
      }
    }
    const closing: Promise<void>[] = []
    for (const [key, socket] of this.#sockets) {
      if (wanted.has(key)) continue
      this.#sockets.delete(key)
      closing.push(this.#close(socket))
    }
    for (const socket of fresh.values()) if (socket instanceof ListenSocket) socket.start()
    return Promise.all(closing)
  }

  /** Accepts for the dead `thread`, until `release`. */
  adopt(
    thread: number,
    given: GivenSockets,
    snapshot: PlaneSnapshot | undefined,
    engines: ReadonlyMap<string, ListenerEngine>
  ): void {
    for (const { config } of snapshot?.listeners ?? []) {
      const engine = engines.get(config.name)
      for (const [place, bind] of config.binds.entries()) {
        const key = bindKey(config, bind, place)
        const handles = given.get(key)
        if (handles === undefined || engine === undefined) continue
        let socket = this.#sockets.get(key)
        socket ??= ListenSocket.over(bind, [], (attach) => engine.accept(attach), this.#onError(config.name))
        if (!(socket instanceof ListenSocket)) continue
        given.delete(key)
        this.#sockets.set(key, socket)
        socket.adopt(thread, handles as StreamHandle[])
      }
    }
  }

  release(thread: number): void {
    for (const [key, socket] of this.#sockets)
      if (socket instanceof ListenSocket && socket.release(thread)) this.#sockets.delete(key)
  }

  /** Stops accepting, after accepting queued connections. */
  async close(): Promise<void> {
    const sockets = [...this.#sockets.values()]
    this.#sockets.clear()
    await Promise.all(sockets.map((socket) => this.#close(socket)))
  }

  destroy(): void {
    for (const socket of [...this.#sockets.values(), ...this.#closing]) socket.destroy()
    this.#sockets.clear()
  }

  async #close(socket: Bound): Promise<void> {
    this.#closing.add(socket)
    await socket.close()
    this.#closing.delete(socket)
  }

  #serves(kind: Bind['kind']): boolean {
    return this.#deps.servesUnshared || (kind === 'tcp' && hasReusePort)
  }

  #onError(listener: string): (error: Error) => void {
    const { log, clock, metrics } = this.#deps
    const labels = { listener, reason: 'descriptors' }
    const failures = new AcceptFailures(listener, log, clock, () =>
      metrics.counter('lb_connections_refused_total', labels)
    )
    return (error) => failures.failed(error)
  }
}
