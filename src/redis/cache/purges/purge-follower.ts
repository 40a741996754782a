import type { Clock } from '../../../core/clock.ts'
import type { CacheStore, Purge } from '../../../l7/cache/ports.ts'
import { steadyNow } from '../../../l7/cache/steady-now.ts'
import type { RedisLink } from '../../redis-link.ts'
import type { RedisPlan } from '../../redis-plan.ts'
import { runScript } from '../../script.ts'
import { Subscriber } from '../../subscriber.ts'
import type { CacheNames } from '../names.ts'
import { confirmation, type Ask } from '../confirm/ask.ts'
import { presentScript } from '../confirm/instances.ts'
import { HeardRemovals } from './heard-removals.ts'
import { readNews } from './news.ts'
import { type NumberedPurge, purgeText, readPurge } from './purge.ts'
import { purgeScript, readPurgesScript } from './purge-scripts.ts'
import type { TierWords } from '../tier-words.ts'

/** A missed message is noticed after this at most. */
const LOOK_MS = 500
const MAX_UNSENT = 1024

export interface PurgeFollowerDeps {
  readonly plan: RedisPlan
  readonly link: RedisLink
  readonly names: CacheNames
  readonly words: TierWords
  readonly memory: CacheStore
  readonly clock: Clock
  readonly instance: string
}

export interface CacheTierView {
  readonly reachable: boolean
  /** How many other instances listen. */
  readonly others: number
  readonly unsent: number
  readonly heard: number
}

/**
 * Applies the purges of all instances to this one's memory: it gets a message for each, and checks the number of the
 * last purge every half second. Main thread.
 */
export class PurgeFollower {
  readonly #deps: PurgeFollowerDeps
  readonly #subscriber: Subscriber
  /** As text. */
  #unsent: string[] = []
  /** How many of them, from the first one on, are on their way. */
  #sending = 0
  #looking = false
  #lookAgain = false
  #waiters: (() => void)[] = []
  readonly #removals = new HeardRemovals()
  #cancel: () => void = () => {}

  constructor(deps: PurgeFollowerDeps) {
    this.#deps = deps
    const { plan, clock, link, names, words } = deps
    this.#subscriber = new Subscriber({ plan, clock, nodes: () => link.nodes })
    this.#subscriber.listen(names.news, {
      heard: (message) => this.#heard(message),
      listens: () => {
        this.#look()
        this.#listens()
      },
      lost: () => void (words.deaf = true)
    })
    this.#tick()
  }

  close(): void {
    this.#cancel()
    this.#subscriber.close()
    this.#deps.link.close()
    this.#settled()
  }

  get view(): CacheTierView {
    const { link, words } = this.#deps
    const reachable = link.reachable && words.applied >= 0
    return { reachable, others: words.others, unsent: this.#unsent.length, heard: words.applied }
  }

  /** This instance's memory has been purged; sends the purge to the others, now or when Redis is back. */
  send(purge: Purge, soft: boolean): void {
    this.#unsent.push(purgeText(purge, { soft }))
    if (this.#unsent.length > MAX_UNSENT)
      this.#unsent = [...this.#unsent.slice(0, this.#sending), purgeText({ kind: 'all' })]
    this.#deps.words.unsent = this.#unsent.length
    this.#flush()
  }

  /** Resolves with true once the others know everything that was sent. */
  async sent(withinMs: number): Promise<boolean> {
    if (this.#unsent.length > 0) {
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve)
        this.#deps.clock.after(withinMs, resolve)
      })
    }
    return this.#unsent.length === 0
  }

  #tick(): void {
    this.#cancel = this.#deps.clock.after(LOOK_MS, () => {
      this.#look()
      this.#flush()
      this.#beat()
      this.#tick()
    })
  }

  /** It hears again. Were there removals meanwhile, it is not known what of the memory they removed. */
  #listens(): void {
    const { link, names, words, memory } = this.#deps
    if (!words.deaf) return this.#beat()
    const heardThen = this.#removals.asks()
    link.ask(
      (connection) => connection.get(names.removals),
      (reply) => {
        // Tried again with the next beat.
        if (reply === undefined || !this.#subscriber.hears) return
        const count = Number(reply ?? 0)
        // A server that has lost its data has had none since.
        if (count !== 0 && count !== this.#removals.all) {
          memory.nextEpoch()
          memory.purge({ kind: 'all' })
        }
        this.#removals.begin(count, heardThen)
        words.deaf = false
        this.#beat()
      }
    )
  }

  /** Tells others that they may wait for this instance, as long as it hears them, and counts them. */
  #beat(): void {
    const { link, names, words, instance } = this.#deps
    if (!link.reachable) words.others = 0
    if (!link.reachable || !this.#subscriber.hears) return
    if (words.deaf) return this.#listens()
    this.#subscriber.ping().then(
      () => {
        // What was removed, nobody knows: it begins to hear anew.
        if (!this.#removals.heardAll(this.#subscriber.isOrdered)) return this.#subscriber.reconnect()
        const heardThen = this.#removals.asks()
        link.ask(
          async (connection) =>
            Promise.all([
              runScript(connection, presentScript, [names.instances], [instance]),
              connection.get(names.removals)
            ]),
          (found) => {
            const [count, removals] = found ?? []
            words.others = typeof count === 'number' ? Math.max(0, count - 1) : 0
            if (found !== undefined) this.#removals.counted(Number(removals ?? 0), heardThen)
          }
        )
      },
      // It hears nothing any more, although nobody has closed it.
      () => {}
    )
  }

  #flush(): void {
    const { link, names, words } = this.#deps
    if (this.#sending > 0 || this.#unsent.length === 0 || !link.reachable) return
    this.#sending = this.#unsent.length
    const args = [Math.max(0, words.applied), names.news, ...this.#unsent]
    link.ask(
      (connection) => runScript(connection, purgeScript, [names.sequence, names.log], args),
      (last) => {
        const sent = typeof last === 'number' ? this.#sending : 0
        this.#sending = 0
        if (sent === 0) return this.#settled()
        // More may have come meanwhile.
        this.#unsent = this.#unsent.slice(sent)
        // Set before threads read from Redis again.
        words.unsent = this.#unsent.length
        if (this.#unsent.length > 0) this.#flush()
        else this.#settled()
      }
    )
  }

  #settled(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter()
  }

  #look(): void {
    const { link, names, words } = this.#deps
    if (!link.reachable) return
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = true
    const known = words.applied
    link.ask(
      (connection) => runScript(connection, readPurgesScript, [names.sequence, names.log], [known, known]),
      (reply) => {
        this.#looking = false
        if (Array.isArray(reply))
          this.#catchUp(
            Number(reply[0]),
            reply.slice(1).map((line) => readPurge(String(line)))
          )
        if (!this.#lookAgain) return
        this.#lookAgain = false
        this.#look()
      }
    )
  }

  #catchUp(last: number, purges: readonly (NumberedPurge | undefined)[]): void {
    const { words } = this.#deps
    if (!Number.isSafeInteger(last) || last <= words.applied) return
    // Entries from before the first contact may have been purged by others.
    if (words.applied < 0) return this.#apply({ number: last, purge: { kind: 'all' } })
    for (const each of purges) {
      if (each?.number === words.applied + 1) this.#apply(each)
    }
    // Some purges have been forgotten already.
    if (words.applied < last) this.#apply({ number: last, purge: { kind: 'all' } })
  }

  #apply({ number, purge, staleAt }: NumberedPurge): void {
    const { memory, words, clock } = this.#deps
    // In this order: the time of an entry is read before memory is asked whether it accepts it.
    memory.nextEpoch()
    words.applied = number
    memory.purge(purge, staleAt === undefined ? undefined : steadyNow(clock))
  }

  #heard(message: string): void {
    const { memory, words, instance } = this.#deps
    if (message.startsWith('{')) {
      const news = readNews(message)
      if (news?.from === '') this.#removals.heard()
      if (news === undefined || news.from === instance) return
      // Removed, not replaced: a response that was requested before must not come back.
      if (news.from === '') memory.invalidate(news.key)
      else memory.remove(news.key)
      return this.#confirm(news.ask)
    }
    const heard = readPurge(message)
    if (heard?.number === words.applied + 1) {
      this.#apply(heard)
      this.#confirm(heard.ask)
    } else this.#look()
  }

  /** Whoever asks holds back the answer to a request meanwhile. */
  #confirm(ask: Ask | undefined): void {
    const { link, names, instance } = this.#deps
    if (ask === undefined || ask.instance === instance || !link.reachable) return
    const channel = names.confirmed(ask.instance, ask.thread)
    link.ask(
      (connection) => connection.publish(channel, confirmation(ask.number, instance)),
      () => {}
    )
  }
}
