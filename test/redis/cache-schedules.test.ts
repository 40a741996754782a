import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { seededRandom } from '../../src/core/random.ts'
import { type CachingInstance, cachingInstance, HOST } from './support/caching.ts'
import { Partition } from './support/partition.ts'
import { RedisServer, skip } from './support/redis-server.ts'
import { VersionedSite } from './support/versioned-site.ts'

/** LB_BARS=full: 10,000 steps, a minute on a quiet machine; else some. LB_SCHEDULES: another number of steps. */
const full = process.env['LB_BARS'] === 'full'
const STEPS = Number(process.env['LB_SCHEDULES'] ?? (full ? 10_000 : 400))
/** Schedules that go on at once, each on paths of its own. */
const LANES = 6
const PATHS = 4
/** Requests of a lane under way at once. */
const UNDER_WAY = 20
/** After a disturbance of Redis, instances find gaps in the numbers of purges within half a second of reaching it. */
const HEALS_MS = 3000
/** Disturbances come in the first part of each period only, so that there is calm, too. */
const PERIOD_MS = 5500
const DISTURBED_MS = 2000
const TIMEOUT_MS = 1000
const LOOK_MS = 5

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000 + STEPS * 100)

/** Where several schedules would stop Redis, or take instances down, one does. */
const PEACE = 0.9

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

class Schedules {
  readonly wrong: string[] = []
  readonly delays: number[] = []
  served = 0
  stored = 0
  changes = 0
  purges = 0
  deaths = 0
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
  /** What may be served no more. */
  readonly #floors: Floor[][]
  /** What whoever changed or purged it has been told. */
  readonly #told: number[]
  #disturbed = -Infinity
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
    this.#make = ({ url }) => cachingInstance(t, { url, timeout: `${TIMEOUT_MS}ms` }, site.origin)
    this.#floors = site.versions.map(() => [])
    this.#told = site.versions.map(() => 0)
  }

  static async start(t: Test, random: () => number): Promise<Schedules> {
    const site = await VersionedSite.start(t, LANES * PATHS, random)
    const server = new RedisServer(t)
    await server.start()
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
    const views = await Promise.all([viewOf(a), viewOf(b)])
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
        for (const [path, version] of this.#told.entries()) this.#due(path, version, 'healed')
        this.#calmSince = performance.now()
      }
      await sleep(50)
    }
  }

  async lane(lane: number, steps: number): Promise<void> {
    const under = new Set<Promise<void>>()
    const also = (...more: readonly Promise<void>[]): void => {
      for (const each of more) {
        const one = each.finally(() => under.delete(one))
        under.add(one)
      }
    }
    for (let step = 0; step < steps; step++) {
      await this.#step(lane * PATHS + this.#pick(PATHS), also)
      while (under.size > UNDER_WAY) await Promise.race(under)
    }
    await Promise.all(under)
  }

  /** At the end everybody is asked once more. */
  async last(): Promise<void> {
    for (const path of this.#floors.keys())
      await Promise.all(this.#instances.flatMap((each) => [this.#ask(each, path), this.#ask(each, path)]))
  }

  async #step(path: number, also: (...more: readonly Promise<void>[]) => void): Promise<void> {
    const instance = this.#instances[this.#pick(2)]!
    const what = this.#random()
    if (what < 0.78) also(this.#ask(instance, path))
    else if (what < 0.84) await this.#purge(instance, path, also)
    else if (what < PEACE) also(this.#change(instance, path))
    else if (what < 0.98) await this.#disturb(what, path, also)
    else await sleep(20 * this.#random())
  }

  #pick(n: number): number {
    return Math.floor(this.#random() * n)
  }

  async #ask(instance: CachingInstance, path: number): Promise<void> {
    const asked = performance.now()
    const due = this.#floors[path]!.filter(({ by, from }) => (by ?? instance) === instance && from <= asked)
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
    this.#floors[path]!.push({ version, by, why, from: performance.now() })
  }

  /** What it has changed itself an instance never serves again, and neither does the other, unless Redis was in the way. */
  async #change(instance: CachingInstance, path: number): Promise<void> {
    const began = performance.now()
    const version = await this.#site.change(instance, path)
    if (version === undefined) return
    this.changes++
    this.#told[path] = Math.max(this.#told[path]!, version)
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
    const url = `http://${HOST}/p${path}`
    // A prefix is ended by what follows the path in no key, so that /p1 is not /p11.
    const target = [{ url }, { tag: `tag${path}` }, { prefix: `${url}` }][this.#pick(3)]!
    const told = await instance.purge(target).catch(() => undefined)
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
    this.#told[path] = Math.max(this.#told[path]!, version)
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
      const view = await viewOf(instance)
      if (view === undefined) return false
      if (holds(view)) return true
      if (performance.now() > end) throw new Error('a purge is never heard of')
      await sleep(LOOK_MS)
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
      // Or somebody else's data stands there.
      if (what >= 0.97) await this.#redis.lpush(name, 'x')
      return
    }
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
    const steps = Math.ceil(STEPS / LANES)
    await Promise.all(Array.from({ length: LANES }, (_, lane) => all.lane(lane, steps)))
    await all.last()
    all.over = true
    const { served, stored, purges, changes, deaths, partitions, healed, delays } = all
    t.comment(
      `${served} answers, ${stored} of them stored; ${purges} purges, ${changes} changes, ${deaths} deaths, ${partitions} partitions, ${healed} times in order`
    )
    t.strictSame(all.wrong, [])
    t.ok(served > STEPS / 2 && stored > 0 && purges > 0 && changes > 0)
    const half = delays.sort((a, b) => a - b)[delays.length >> 1] ?? 0
    t.comment(`${delays.length} purges heard of, half of them within ${half.toFixed(1)} ms`)
  }
)
