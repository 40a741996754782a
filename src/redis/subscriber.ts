import type { Redis } from 'ioredis'
import type { Clock } from '../core/clock.ts'
import { connect, connectTo, reconnect, type Connection, type Node } from './connect.ts'
import type { RedisPlan } from './redis-plan.ts'

/** Time from the loss of a node of a cluster to the try at another. */
const NEXT_NODE_MS = 250

export interface Listener {
  heard(message: string): void
  /** It hears what is published from now on. */
  listens(): void
  /** From now on, or since some time before, it hears nothing. */
  lost(): void
}

export interface SubscriberDeps {
  readonly plan: RedisPlan
  readonly clock: Clock
  /** The nodes of a cluster as far as they are known. */
  readonly nodes: () => readonly Node[]
}

/**
 * One connection that hears the messages of several channels. In a cluster it is to one node, which hears what is
 * published on any. ioredis' own subscriber of a cluster goes to another node without notice when one is lost, and nobody can ask
 * whether it still hears.
 */
export class Subscriber {
  readonly #deps: SubscriberDeps
  readonly #listeners = new Map<string, Listener>()
  #connection!: Connection
  /** Of a cluster; undefined elsewhere. */
  #node: Node | undefined
  #hears = false
  #closed = false
  #cancel: () => void = () => {}

  constructor(deps: SubscriberDeps) {
    this.#deps = deps
    this.#open()
  }

  /** False in a cluster: a message may come later than an answer that was given after it was published, or never. */
  get isOrdered(): boolean {
    return this.#node === undefined
  }

  get hears(): boolean {
    return this.#hears
  }

  listen(channel: string, listener: Listener): void {
    this.#listeners.set(channel, listener)
    if (this.#connection.status === 'ready') this.#subscribe([channel])
  }

  leave(channel: string): void {
    this.#listeners.delete(channel)
    if (this.#connection.status === 'ready') this.#connection.unsubscribe(channel).catch(() => {})
  }

  /** Resolves when all that this server sent before has been heard. When it does not answer, it is lost. */
  async ping(): Promise<void> {
    try {
      if (!this.#isOfCluster) throw new Error('the node has left the cluster')
      await this.#connection.ping()
    } catch (error) {
      this.reconnect()
      throw error
    }
  }

  /** To another node, in a cluster. */
  reconnect(): void {
    if (this.#closed) return
    this.#lost()
    if (this.#node !== undefined) this.#connection.disconnect()
    else reconnect(this.#connection)
  }

  close(): void {
    this.#closed = true
    this.#hears = false
    this.#cancel()
    this.#connection.disconnect()
  }

  get #isOfCluster(): boolean {
    const known = this.#deps.nodes()
    return this.#node === undefined || known.length === 0 || known.some((node) => isSame(node, this.#node!))
  }

  #open(): void {
    const { plan } = this.#deps
    if (plan.config.kind === 'cluster') this.#node = this.#choose()
    const connection = this.#node === undefined ? connect(plan) : connectTo(plan, this.#node)
    this.#connection = connection
    connection.on('error', () => {})
    connection.on('ready', () => this.#subscribe([...this.#listeners.keys()]))
    connection.on('close', () => this.#lost())
    connection.on('end', () => {
      if (!this.#closed) this.#cancel = this.#deps.clock.after(NEXT_NODE_MS, () => this.#open())
    })
    connection.on('message', (channel: string, message: string) =>
      this.#listeners.get(channel)?.heard(message)
    )
  }

  /** Another than the last one, if there is one. */
  #choose(): Node {
    const { plan, nodes } = this.#deps
    const known = nodes()
    const all = known.length > 0 ? known : plan.config.nodes
    const others = all.filter((node) => this.#node === undefined || !isSame(node, this.#node))
    const from = others.length > 0 ? others : all
    return from[Math.floor(Math.random() * from.length)]!
  }

  #subscribe(channels: readonly string[]): void {
    if (channels.length === 0) return
    const connection = this.#connection as Redis
    connection.subscribe(...channels).then(
      () => {
        if (connection !== this.#connection || connection.status !== 'ready') return
        this.#hears = true
        for (const channel of channels) this.#listeners.get(channel)?.listens()
      },
      // Lost by then, or the login may not: tried again with the next connection.
      () => {}
    )
  }

  #lost(): void {
    this.#hears = false
    for (const listener of this.#listeners.values()) listener.lost()
  }
}

function isSame(a: Node, b: Node): boolean {
  return a.host === b.host && a.port === b.port
}
