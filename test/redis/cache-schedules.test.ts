import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { seededRandom } from '../../src/core/random.ts'
import { type CachingInstance, cachingInstance, HOST } from './support/caching.ts'
import { Partition } from './support/partition.ts'
import { RedisServer, skip } from './support/redis-server.ts'
import { urlOf, VersionedSite } from './support/versioned-site.ts'

/** LB_BARS=full: 10,000 schedules, some six minutes on two cores; else some. LB_SCHEDULES: another number. */
const full = process.env['LB_BARS'] === 'full'
const SCHEDULES = Number(process.env['LB_SCHEDULES'] ?? (full ? 10_000 : 150))
/** Schedules that go on at once, each on a URL of its own, which nobody has asked for before. */
const AT_ONCE = 40
const WORKERS = 2
/** After a disturbance of Redis, instances find gaps in the numbers of purges within half a second of reaching it. */
const HEALS_MS = 3000
/** Disturbances come in the first part of each period only, so that there is calm, too. */
const PERIOD_MS = 5500
const DISTURBED_MS = 2000
/** A worker that dies again and again is replaced later each time. */
const CRASH_MS = 3000
const TIMEOUT_MS = 1000
const LOOK_MS = 5

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000 + SCHEDULES * 300)

interface Floor {
  readonly version: number
  /** Undefined: every instance, also those that start later. */
  readonly by: CachingInstance | undefined
  readonly from: number
  readonly why: string
}

interface View {
  readonly reachable: boolean
  readonly others: number
  readonly unsent: number
  readonly heard: number
}

/** Undefined: it has died. */
async function viewOf({ admin }: CachingInstance): Promise<View | undefined> {
  try {
    const got = await fetch(`${admin}/api/caches`, { headers: { connection: 'close' } })
    return ((await got.json()) as { caches: [{ redis: View }] }).caches[0].redis
  } catch {
    return undefined
  }
}

/** Many who wait for news of one instance ask it together. */
class Watch {
  readonly #instance: CachingInstance
  #waiting: ((view: View | undefined) => void)[] = []
  #looks = false

  constructor(instance: CachingInstance) {
    this.#instance = instance
  }

  /** As it is after this call. */
  async view(): Promise<View | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (!this.#looks) void this.#look()
    })
  }

  async #look(): Promise<void> {
    this.#looks = true
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting
      this.#waiting = []
      const view = await viewOf(this.#instance)
      for (const resolve of waiting) resolve(view)
      await sleep(LOOK_MS)
    }
    this.#looks = false
  }
}

/** What is known of a URL. */
interface Known {
  /** What may be served no more. */
  readonly floors: Floor[]
  /** The version that whoever changed or purged it has been told. */
  told: number
}

class Schedules {
  readonly wrong: string[] = []
  readonly delays: number[] = []
  /** Schedules. */
  ended = 0
  served = 0
  stored = 0
  changes = 0
  purges = 0
  deaths = 0
  crashes = 0
  partitions = 0
  /** Times that all was in order again after a disturbance. */
  healed = 0
  readonly #site: VersionedSite
  readonly #server: RedisServer
  readonly #redis: Redis
  readonly #random: () => number
  readonly #make: (way: Partition) => Promise<CachingInstance>
  /** Of each instance to Redis. */
  #ways: readonly [Partition, Partition] | undefined
  readonly #instances: CachingInstance[] = []
  readonly #watches = new WeakMap<CachingInstance, Watch>()
  /** By the number of its URL: of each schedule that goes on, or ended while something was out of order. */
  readonly #known = new Map<number, Known>()
  #unsettled: number[] = []
  #settling: Promise<void> = Promise.resolve()
  #disturbed = -Infinity
  #crashed = -Infinity
  #calmSince: number | undefined
  over = false
  #disturbing = false
  #flushed = -Infinity

  private constructor(t: Test, site: VersionedSite, server: RedisServer, random: () => number) {
    this.#site = site
    this.#server = server
    this.#redis = new Redis({ path: server.path, maxRetriesPerRequest: null })
    this.#redis.on('error', () => {})
    t.teardown(() => this.#redis.disconnect())
    this.#random = random
    this.#make = ({ url }) => cachingInstance(t, { url, timeout: `${TIMEOUT_MS}ms` }, site.origin, WORKERS)
  }

  static async start(t: Test, random: () => number): Promise<Schedules> {
    const site = await VersionedSite.start(t, random)
    const server = new RedisServer(t)
    // Some entries go, or some of their pieces. What has no end stays: the numbers of purges.
    await server.start('--maxmemory', '200mb', '--maxmemory-policy', 'volatile-lru')
    const made = new Schedules(t, site, server, random)
    const way = (name: string) => Partition.start(t, server.folder, name, server.path)
    const ways = [await way('a'), await way('b')] as const
    made.#ways = ways
    made.#instances.push(await made.#make(ways[0]), await made.#make(ways[1]))
    t.teardown(() => {
      made.over = true
    })
    void made.#look()
    return made
  }

  /** Both reach Redis, hear of each other, and nothing was out of order lately. */
  async #isCalm(): Promise<boolean> {
    if (this.#disturbing || performance.now() - this.#disturbed < HEALS_MS) return false
    const [a, b] = this.#instances as [CachingInstance, CachingInstance]
    const views = await Promise.all([this.#view(a), this.#view(b)])
    return (
      a !== b && !this.#disturbing && views.every((view) => view?.reachable === true && view.others === 1)
    )
  }

  /** Looks as long as the test goes on. */
  async #look(): Promise<void> {
    while (!this.over) {
      const calm = await this.#isCalm()
      if (!calm) this.#calmSince = undefined
      else if (this.#calmSince === undefined) {
        this.healed++
        // Whatever the one that was cut off has not heard, it has found out that it has missed something.
        for (const [path, { told }] of this.#known) this.#due(path, told, 'healed')
        this.#calmSince = performance.now()
        this.#settling = this.#settle()
      }
      await sleep(50)
    }
  }

  /** Schedules that ended while something was out of order. */
  async #settle(): Promise<void> {
    for (const path of this.#unsettled.splice(0)) await this.#end(path)
  }

  async #end(path: number): Promise<void> {
    await Promise.all(this.#instances.flatMap((each) => [this.#ask(each, path), this.#ask(each, path)]))
    this.#known.delete(path)
  }

  async lane(next: () => boolean): Promise<void> {
    while (next()) {
      const path = this.#site.add()
      this.#known.set(path, { floors: [], told: 0 })
      const under: Promise<void>[] = []
      const also = (...more: readonly Promise<void>[]): void => void under.push(...more)
      const steps = 3 + this.#pick(6)
      for (let step = 0; step < steps; step++) await this.#step(path, also)
      await Promise.all(under)
      this.ended++
      if (this.#calmSince === undefined) this.#unsettled.push(path)
      else await this.#end(path)
    }
  }

  /** When all is in order. */
  async last(): Promise<void> {
    const end = performance.now() + 150_000
    while (this.#calmSince === undefined || this.#unsettled.length > 0) {
      if (performance.now() > end) throw new Error('it is never in order again')
      await sleep(50)
    }
    await this.#settling
  }

  /** Some steps are waited for, the next ones go on beside others. */
  async #step(path: number, also: (...more: readonly Promise<void>[]) => void): Promise<void> {
    const instance = this.#instances[this.#pick(2)]!
    const what = this.#random()
    if (what < 0.35) await this.#ask(instance, path)
    else if (what < 0.5) also(this.#ask(instance, path))
    else if (what < 0.6)
      also(...this.#instances.flatMap((each) => [this.#ask(each, path), this.#ask(each, path)]))
    else if (what < 0.64) also(this.#site.leave(instance, path, 40 * this.#random()))
    else if (what < 0.78) await this.#purge(instance, path, also)
    else if (what < 0.84) also(this.#change(instance, path))
    else if (what < 0.9) await this.#change(instance, path)
    else if (what < 0.98) await this.#disturb(what, path, also)
    else await sleep(30 * this.#random())
  }

  #pick(n: number): number {
    return Math.floor(this.#random() * n)
  }

  async #ask(instance: CachingInstance, path: number): Promise<void> {
    const asked = performance.now()
    const due = this.#known
      .get(path)!
      .floors.filter(({ by, from }) => (by ?? instance) === instance && from <= asked)
    const least = Math.max(0, ...due.map(({ version }) => version))
    const got = await this.#site.ask(instance, path)
    if (got === undefined) return
    this.served++
    if (got.stored) this.stored++
    if (got.wrong !== undefined) this.wrong.push(got.wrong)
    if (got.version! >= least) return
    const whys = due.filter(({ version }) => version > got.version!).map(({ why }) => why)
    this.wrong.push(
      `/p${path}: ${got.version} where ${least} was due (${whys.join(', ')}), ${got.status9211}`
    )
  }

  #due(path: number, version: number, why: string, by?: CachingInstance): void {
    this.#known.get(path)!.floors.push({ version, by, why, from: performance.now() })
  }

  #tell(path: number, version: number): void {
    const known = this.#known.get(path)!
    known.told = Math.max(known.told, version)
  }

  async #view(instance: CachingInstance): Promise<View | undefined> {
    let watch = this.#watches.get(instance)
    if (watch === undefined) this.#watches.set(instance, (watch = new Watch(instance)))
    return watch.view()
  }

  /** What it has changed itself an instance never serves again, and neither does the other, unless Redis was in the way. */
  async #change(instance: CachingInstance, path: number): Promise<void> {
    const began = performance.now()
    const version = await this.#site.change(instance, path)
    if (version === undefined) return
    this.changes++
    this.#tell(path, version)
    this.#due(path, version, 'changed here', instance)
    const calmSince = this.#calmSince
    if (calmSince === undefined || calmSince > began || performance.now() - began > TIMEOUT_MS / 2) return
    // Both were in order before, and are now.
    if (await this.#isCalm()) this.#due(path, version, 'changed there')
  }

  async #purge(
    instance: CachingInstance,
    path: number,
    also: (...more: readonly Promise<void>[]) => void
  ): Promise<void> {
    const version = ++this.#site.versions[path]!
    const url = `http://${HOST}${urlOf(path)}`
    const all = this.#random() < 0.01
    const target = all ? { all } : [{ url }, { tag: `tag${path}` }, { prefix: url }][this.#pick(3)]!
    const soft = this.#random() < 0.25 ? { soft: true } : {}
    const told = await instance.purge({ ...target, ...soft }).catch(() => undefined)
    // It has died meanwhile, and perhaps told nobody.
    if (told === undefined) return
    this.purges++
    // Here at once: it is asked in the same breath.
    this.#due(path, version, 'purged here', instance)
    also(this.#ask(instance, path))
    also(this.#tells(instance, path, version, told.unsent !== undefined))
  }

  async #tells(instance: CachingInstance, path: number, version: number, late: boolean): Promise<void> {
    const began = performance.now()
    // Redis has not answered in time: it holds here, and there when it does.
    if (late && !(await this.#sees(instance, ({ unsent }) => unsent === 0))) return
    const from = performance.now()
    this.#tell(path, version)
    const number = Number(await this.#redis.get('lb:cache:{main}:purges'))
    // The number is gone with all else: when all is in order again, it is due.
    if (this.#flushed > began) return
    const calm = from - this.#disturbed > HEALS_MS
    await Promise.all(
      this.#instances.map(async (each) => {
        // Until it has heard it may serve what it has.
        if (!(await this.#sees(each, ({ heard }) => heard >= number))) return
        this.#due(path, version, 'purge heard', each)
        if (calm && performance.now() - this.#disturbed > HEALS_MS) this.delays.push(performance.now() - from)
      })
    )
  }

  /** False: the instance has died. */
  async #sees(instance: CachingInstance, holds: (view: View) => boolean): Promise<boolean> {
    const end = performance.now() + 60_000
    for (;;) {
      const view = await this.#view(instance)
      if (view === undefined) return false
      if (holds(view)) return true
      if (performance.now() > end) throw new Error('a purge is never heard of')
    }
  }

  async #disturb(
    what: number,
    path: number,
    also: (...more: readonly Promise<void>[]) => void
  ): Promise<void> {
    if (what >= 0.95) {
      // A part of an entry is lost, as by eviction.
      const name = await this.#redis.randomkey()
      if (name === null || /purge|instances|removals/.test(name)) return
      await this.#redis.del(name)
      // Or somebody else's data stands there, if nothing of ours does again.
      if (what >= 0.97) await this.#redis.lpush(name, 'x').catch(() => {})
      return
    }
    if (what < 0.905 && performance.now() - this.#crashed > CRASH_MS) return this.#crash()
    if (this.#disturbing || performance.now() % PERIOD_MS > DISTURBED_MS) return
    this.#disturbing = true
    this.#disturbed = performance.now()
    try {
      if (what < 0.91) await this.#die()
      else if (what < 0.915) await this.#redis.call('client', 'kill', 'type', 'pubsub')
      else if (what < 0.92) {
        this.#flushed = Infinity
        await this.#redis.flushall()
        this.#flushed = performance.now()
      } else if (what < 0.94) await this.#part(path, also)
      else {
        this.#server.signal('SIGSTOP')
        also(...this.#instances.map((each) => this.#ask(each, path)))
        await sleep(20 + 200 * this.#random())
        this.#server.signal('SIGCONT')
      }
    } finally {
      this.#disturbed = performance.now()
      this.#disturbing = false
    }
  }

  async #die(): Promise<void> {
    this.deaths++
    const index = this.#pick(2)
    const dying = this.#instances[index]!
    // Meanwhile the other one is asked.
    this.#instances[index] = this.#instances[1 - index]!
    await dying.kill()
    this.#instances[index] = await this.#make(this.#ways![index]!)
  }

  /** A worker, perhaps in the middle of a fill that it holds the claim of. */
  #crash(): void {
    this.#crashed = performance.now()
    this.crashes++
    this.#instances[this.#pick(2)]!.crash(1 + this.#pick(WORKERS))
  }

  /** One instance reaches Redis only in part, late, or not at all. */
  async #part(path: number, also: (...more: readonly Promise<void>[]) => void): Promise<void> {
    this.partitions++
    const way = this.#ways![this.#pick(2)]!
    const kinds = [['bus'], ['commands'], ['bus', 'commands']] as const
    const ways = kinds[this.#pick(3)]!
    const how = this.#pick(4)
    if (how === 0) way.slow(5 + 100 * this.#random())
    else if (how === 3) way.refuse()
    else for (const each of ways) way.hold(each)
    if (how >= 2) for (const each of ways) way.cut(each)
    also(...this.#instances.map((each) => this.#ask(each, path)))
    await sleep(2000 * this.#random() ** 2)
    // Half of what was held arrives late, the other half never.
    if (this.#random() < 0.5) for (const each of ways) way.cut(each)
    way.heal()
  }
}

t.test(
  'no schedule of fills, purges, changes, deaths and faults of Redis ever serves what is stale or mixed',
  { skip },
  async (t) => {
    const seed = Number(process.env['LB_SEED'] ?? 181_527_198)
    t.comment(`seed ${seed}`)
    const all = await Schedules.start(t, seededRandom(seed))
    let begun = 0
    await Promise.all(Array.from({ length: AT_ONCE }, () => all.lane(() => begun++ < SCHEDULES)))
    await all.last()
    all.over = true
    const { ended, served, stored, purges, changes, deaths, crashes, partitions, healed, delays } = all
    t.comment(
      `${ended} schedules: ${served} answers, ${stored} of them stored; ${purges} purges, ${changes} changes, ${deaths} deaths of instances and ${crashes} of workers, ${partitions} partitions, ${healed} times in order`
    )
    t.strictSame(all.wrong, [])
    t.ok(ended === SCHEDULES && served > SCHEDULES && stored > 0 && purges > 0 && changes > 0)
    delays.sort((a, b) => a - b)
    const [half, most] = [0.5, 0.99].map((share) => delays[Math.floor(delays.length * share)] ?? 0)
    t.comment(
      `${delays.length} times a purge was heard of, half within ${half!.toFixed(1)} ms, 99 % within ${most!.toFixed(1)}`
    )
  }
)
