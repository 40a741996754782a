import type { ListenerConfig } from '../../config/model/model.ts'
import { Duplicator } from '../../net/datagram/duplicate.ts'
import { bindUdp, portOf } from '../../net/datagram/udp-door.ts'
import type { UdpHandle } from '../../net/datagram/udp-handle.ts'
import { bindError } from '../control/start-error.ts'
import { bindKey, type Snapshot } from '../plane/snapshot.ts'

interface Group {
  readonly port: number
  /** One socket per worker, in the order of their seats. */
  readonly handles: readonly UdpHandle[]
}

/**
 * The UDP sockets of all workers, bound in the main thread: one per worker and address, between which the kernel spreads
 * clients by a hash over their number and order. A worker reads from a duplicate of its own. When it dies the group stays
 * as it is, so no other worker's clients move, and what arrives meanwhile waits for the replacement.
 */
export class UdpSockets {
  readonly #workers: number
  readonly #groups = new Map<string, Group>()
  readonly #duplicator = new Duplicator()
  /** Keys that a worker has descriptors of, by thread. */
  readonly #given = new Map<number, Set<string>>()
  /** Bound for a snapshot that is not in force yet. */
  #fresh: string[] = []

  constructor(workers: number) {
    this.#workers = workers
  }

  /** Binds what is new. Returns the ports of all groups by bind key. Throws a StartError. */
  prepare(snapshot: Snapshot): Record<string, number> {
    const ports: Record<string, number> = {}
    for (const { key, listener, index, place } of bindsOf(snapshot)) {
      const bind = listener.binds[place]!
      if (bind.kind !== 'tcp') continue
      try {
        const group = this.#groups.get(key) ?? this.#bind({ host: bind.host, port: bind.port })
        if (!this.#groups.has(key)) this.#fresh.push(key)
        this.#groups.set(key, group)
        ports[key] = group.port
      } catch (error) {
        this.abort()
        throw bindError(error as NodeJS.ErrnoException, bind.text, `listeners[${index}].bind`, listener.name)
      }
    }
    return ports
  }

  /** Descriptors for a worker, of the groups of which it has none; they are its own from now on. */
  async give(thread: number): Promise<Record<string, number>> {
    const given = this.#given.get(thread) ?? new Set()
    this.#given.set(thread, given)
    const fds: Record<string, number> = {}
    for (const [key, { handles }] of this.#groups) {
      if (given.has(key)) continue
      given.add(key)
      const copy = await this.#duplicator.duplicate(handles[thread - 1]!)
      fds[key] = copy.fd
      // Its wrapper must not close the number when it is collected.
      copies.push(copy)
    }
    return fds
  }

  /** A worker's descriptors were closed with it. */
  ended(thread: number): void {
    this.#given.delete(thread)
  }

  commit(snapshot: Snapshot): void {
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

  #bind(where: { host: string; port: number }): Group {
    // Alone first: with SO_REUSEPORT another program of this user would share its clients with us unnoticed.
    const alone = bindUdp(where, false)
    alone.close()
    const handles = [bindUdp(where, true)]
    const port = portOf(handles[0]!)
    while (handles.length < this.#workers) handles.push(bindUdp({ host: where.host, port }, true))
    return { port, handles }
  }

  #close(key: string): void {
    for (const handle of this.#groups.get(key)?.handles ?? []) handle.close()
    this.#groups.delete(key)
    for (const given of this.#given.values()) given.delete(key)
  }
}

const copies: UdpHandle[] = []

function* bindsOf(
  snapshot: Snapshot
): Generator<{ key: string; listener: ListenerConfig; index: number; place: number }> {
  for (const [index, { config }] of snapshot.listeners.entries()) {
    if (config.mode !== 'l4' || config.protocol !== 'udp') continue
    for (const [place, bind] of config.binds.entries()) {
      yield { key: bindKey(config.name, bind, place), listener: config, index, place }
    }
  }
}
