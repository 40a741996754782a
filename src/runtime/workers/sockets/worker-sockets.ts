import { bareRecord } from '../../../core/own.ts'
import type { ListenerConfig } from '../../../config/model/model.ts'
import { bindsStreams, bindTcp, type StreamHandle } from '../../../net/descriptors/bind-stream.ts'
import { duplicator } from '../../../net/descriptors/duplicate.ts'
import type { DescriptorHandle } from '../../../net/descriptors/ipc-pipe.ts'
import { failure } from '../../../net/transport/raw-streams.ts'
import { bindError } from '../../control/start-error.ts'
import { BACKLOG } from '../../plane/sockets/listen-socket.ts'
import { bindKey, type PlaneSnapshot } from '../../plane/plane-snapshot.ts'
import { closeGroup, systemdGroup, tcpGroup, udpGroup, unixGroup, type SocketGroup } from './groups.ts'

/** Sockets of one worker, by bind key. */
export type SeatSockets = ReadonlyMap<string, readonly DescriptorHandle[]>

/**
 * The sockets of all workers, bound in the main thread before it drops root. A worker accepts on duplicates of its own.
 * When it dies, its sockets stay: clients of other workers are not moved, and new connections wait for the next owner
 * of the sockets.
 */
export class WorkerSockets {
  readonly #workers: number
  readonly #groups = new Map<string, SocketGroup>()
  /** Keys of the sockets that each worker has, by thread. */
  readonly #given = new Map<number, Set<string>>()
  /** Bound for a snapshot that is not in force yet. */
  #fresh: string[] = []

  constructor(workers: number) {
    this.#workers = workers
  }

  /** Binds new addresses without listening. Returns the ports of all groups by bind key. Throws a StartError. */
  prepare(snapshot: PlaneSnapshot): Record<string, number> {
    const ports = bareRecord<number>()
    for (const found of bindsOf(snapshot)) {
      const { key } = found
      try {
        const group = this.#groups.get(key) ?? this.#bind(found)
        if (group === undefined) continue
        if (!this.#groups.has(key)) this.#fresh.push(key)
        this.#groups.set(key, group)
        if (group.port !== undefined) ports[key] = group.port
      } catch (error) {
        this.abort()
        throw refusal(error, found)
      }
    }
    return ports
  }

  /**
   * Starts listening on all sockets of an address at the same moment; connections wait for the workers' commit. Throws
   * a StartError when another program has taken the address.
   */
  async listen(snapshot: PlaneSnapshot): Promise<void> {
    const old = [...this.#groups].filter(([key]) => !this.#fresh.includes(key)).map(([, group]) => group)
    for (const found of bindsOf(snapshot)) {
      const group = this.#groups.get(found.key)
      if (group === undefined || !this.#fresh.includes(found.key)) continue
      if (group.kind === 'udp' || group.kind === 'systemd') continue
      // The main thread must not accept: it listens through a duplicate, which it closes before its event loop
      // continues.
      const copies: StreamHandle[] = []
      try {
        for (const handle of group.handles.flat() as StreamHandle[])
          copies.push(await duplicator.duplicate(handle))
        const shared = old.some(({ kind, port }) => kind === 'tcp' && port === group.port)
        if (group.bind.kind === 'tcp' && !shared) bindTcp(group.bind.host, group.port!, false).close()
        for (const copy of copies) {
          const status = copy.listen(BACKLOG)
          if (status < 0) throw failure('listen', status)
        }
      } catch (error) {
        throw refusal(error, found)
      } finally {
        for (const copy of copies) copy.close()
      }
    }
  }

  /** The sockets that a worker does not have yet; it owns them from now on. */
  give(thread: number): SeatSockets {
    const given = this.#given.get(thread) ?? new Set()
    this.#given.set(thread, given)
    const sockets = this.#of(thread, (key) => !given.has(key))
    for (const key of sockets.keys()) given.add(key)
    return sockets
  }

  /**
   * Sockets for another worker to accept on while this one is dead. UDP clients wait: their sessions are lost in any
   * case.
   */
  left(thread: number): SeatSockets {
    // The others accept on sockets of systemd in any case.
    const left = (key: string, { kind }: SocketGroup) =>
      kind !== 'udp' && kind !== 'systemd' && !this.#fresh.includes(key)
    return this.#of(thread, left)
  }

  /** A worker's duplicates were closed with it. */
  ended(thread: number): void {
    this.#given.delete(thread)
  }

  /** Closes what the snapshot does not use any more; workers still accept queued connections. */
  commit(snapshot: PlaneSnapshot): void {
    this.#fresh = []
    const wanted = new Set([...bindsOf(snapshot)].map(({ key }) => key))
    for (const key of this.#groups.keys()) if (!wanted.has(key)) this.#close(key)
  }

  abort(): void {
    for (const key of this.#fresh) this.#close(key)
    this.#fresh = []
  }

  close(): void {
    for (const key of [...this.#groups.keys()]) this.#close(key)
  }

  #of(thread: number, wanted: (key: string, group: SocketGroup) => boolean): SeatSockets {
    const sockets = new Map<string, readonly DescriptorHandle[]>()
    for (const [key, group] of this.#groups) {
      const handles = group.handles[thread - 1] ?? []
      if (handles.length > 0 && wanted(key, group)) sockets.set(key, handles)
    }
    return sockets
  }

  /** Undefined: workers bind it themselves. */
  #bind({ listener, bind }: FoundBind): SocketGroup | undefined {
    const udp = listener.mode === 'l4' && listener.protocol === 'udp'
    if (udp) return bind.kind === 'tcp' ? udpGroup(bind, this.#workers) : undefined
    if (!bindsStreams) return undefined
    if (bind.kind === 'systemd') return systemdGroup(bind, this.#workers)
    return bind.kind === 'unix' ? unixGroup(bind) : tcpGroup(bind, this.#workers)
  }

  #close(key: string): void {
    const group = this.#groups.get(key)
    if (group !== undefined) closeGroup(group)
    this.#groups.delete(key)
    for (const given of this.#given.values()) given.delete(key)
  }
}

interface FoundBind {
  readonly key: string
  readonly listener: ListenerConfig
  readonly index: number
  readonly bind: ListenerConfig['binds'][number]
}

function* bindsOf(snapshot: PlaneSnapshot): Generator<FoundBind> {
  for (const [index, { config }] of snapshot.listeners.entries())
    for (const [place, bind] of config.binds.entries())
      yield { key: bindKey(config, bind, place), listener: config, index, bind }
}

function refusal(error: unknown, { bind, index, listener }: FoundBind): Error {
  return bindError(error as NodeJS.ErrnoException, bind.text, `listeners[${index}].bind`, listener.name)
}
