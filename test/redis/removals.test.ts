import t from 'tap'
import { encodeEntry } from '../../src/l7/cache/entry.ts'
import { pending } from '../../src/l7/cache/ports.ts'
import type { Opened, RemoteCache } from '../../src/redis/cache/remote-cache.ts'
import { TieredStore } from '../../src/redis/cache/tiered-store.ts'
import { TierWords } from '../../src/redis/cache/tier-words.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { MapStore } from '../fakes/map-store.ts'
import { put } from '../l7/cache/support/store-contract.ts'

const URL = 'http://site.test/'
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A Redis that holds `URL` and hears of removals when the test says so. */
class SlowRemote {
  readonly clock = new FakeClock()
  readonly words: TierWords
  usable = true
  reachable = true
  hangs = false
  timeoutMs = 50
  confirmTimeoutMs = 250
  there = true
  opened = 0
  readonly told: string[] = []
  readonly #waiting: (() => void)[] = []

  constructor(words: TierWords) {
    this.words = words
  }

  now(): number {
    return this.clock.now()
  }

  token(): string {
    return 'token'
  }

  open(
    key: string,
    _token: string,
    _unreadable: unknown,
    _withinMs: number,
    done: (opened: Opened | undefined) => void
  ): void {
    this.opened++
    const info = encodeEntry({ kind: 'pass', until: 1e15 })
    const head = { key, info, tags: [], note: false, bytes: 0, sums: [], purge: 0, id: 'id' }
    const found: Opened =
      this.there && key === URL
        ? { kind: 'entry', head, first: Buffer.alloc(0), replacing: false, offsetMs: 0, staleAt: 0 }
        : { kind: 'nothing' }
    setImmediate(() => done(found))
  }

  remove(key: string, _ask: unknown, done: (removed: boolean) => void): void {
    this.#tell(`remove ${key}`, done)
  }

  purge(purge: object, _ask: unknown, done: (sent: boolean) => void): void {
    this.#tell(`purge ${JSON.stringify(purge)}`, done)
  }

  #heard = true

  async hears(heard = true): Promise<void> {
    const waiting = this.#waiting.splice(0)
    this.#heard = heard
    if (heard) this.there = false
    for (const each of waiting) each()
    await turn()
  }

  #tell(what: string, done: (heard: boolean) => void): void {
    this.told.push(what)
    this.#waiting.push(() => done(this.#heard))
  }
}

interface Made {
  readonly remote: SlowRemote
  /** One for each of two threads of an instance. */
  readonly stores: readonly [TieredStore, TieredStore]
}

function made(): Made {
  const words = TierWords.create(2)
  words.applied = 0
  const memory = new MapStore({ maxBytes: 1e6, maxObjectBytes: 1e5 })
  const remote = new SlowRemote(words)
  const store = (thread: number) => new TieredStore(memory, remote as unknown as RemoteCache, thread)
  return { remote, stores: [store(1), store(2)] }
}

/** Whether it comes from Redis. */
async function isLoaded(store: TieredStore): Promise<boolean> {
  const record = await new Promise((resolve) => {
    const now = store.lookup(URL, resolve)
    if (now !== pending) resolve(now)
  })
  return record !== undefined
}

t.test('what an instance has removed it does not read from Redis before that has heard of it', async (t) => {
  const ways: readonly (readonly [string, (store: TieredStore) => void])[] = [
    ['an unsafe request', (store) => store.invalidate(URL)],
    ['one entry', (store) => void store.remove(URL)],
    ['a URL', (store) => void store.purge({ kind: 'url', values: [URL] })],
    ['a prefix', (store) => void store.purge({ kind: 'prefix', values: ['http://'] })],
    ['a tag', (store) => void store.purge({ kind: 'tag', values: ['red'] })],
    ['all', (store) => void store.purge({ kind: 'all' })]
  ]
  for (const [what, remove] of ways) {
    const { remote, stores } = made()
    remove(stores[0])
    for (const store of stores) t.equal(await isLoaded(store), false, what)
    t.equal(remote.opened, 0, `${what}: Redis is not asked`)
    // It did not hear of it, and is told again.
    await remote.hears(false)
    for (const store of stores) t.equal(await isLoaded(store), false, `${what}: not heard`)
    remote.clock.advance(250)
    t.equal(remote.told.length, 2)
    await remote.hears()
    remote.there = true
    t.equal(await isLoaded(stores[1]), true, `${what}: it is read again`)
  }
})

t.test('what is removed leaves other entries where they are', async (t) => {
  const { remote, stores } = made()
  stores[0].invalidate('http://site.test/other')
  t.equal(await isLoaded(stores[0]), true)
  t.equal(remote.opened > 0, true)
})

t.test('a load that began before a removal does not end in the memory after it', async (t) => {
  const { stores } = made()
  const loading = isLoaded(stores[1])
  stores[0].invalidate(URL)
  t.equal(await loading, false)
})

t.test(
  'removals that a dead thread had not sent to Redis are sent by the next one, as a purge of everything',
  async (t) => {
    const { remote, stores } = made()
    remote.usable = remote.reachable = false
    stores[0].invalidate(URL)
    remote.usable = remote.reachable = true
    const memory = new MapStore({ maxBytes: 1e6, maxObjectBytes: 1e5 })
    const next = new TieredStore(memory, remote as unknown as RemoteCache, 1)
    t.strictSame(remote.told, ['purge {"kind":"all"}'])
    t.equal(await isLoaded(next), false)
    await remote.hears()
    remote.there = true
    t.equal(await isLoaded(next), true)
  }
)

t.test('more removals than can be remembered become one of all', async (t) => {
  const { remote, stores } = made()
  remote.usable = remote.reachable = false
  for (let i = 0; i < 3000; i++) stores[0].invalidate(`http://site.test/${i}`)
  remote.usable = remote.reachable = true
  remote.clock.advance(250)
  t.ok(remote.told.length < 1100, `${remote.told.length}`)
  t.equal(remote.told[0], 'purge {"kind":"all"}')
  t.equal(await isLoaded(stores[1]), false)
  await remote.hears()
  remote.there = true
  t.equal(await isLoaded(stores[1]), true)
})

t.test('entries in memory are served while Redis gets a removal', async (t) => {
  const { remote, stores } = made()
  stores[0].invalidate(URL)
  remote.usable = remote.reachable = false
  put(stores[0], URL, 'i', 'new')
  remote.usable = remote.reachable = true
  const record = stores[1].lookup(URL, () => {})
  t.ok(record !== undefined && record !== pending)
})

t.test(
  'a removal does not wait for a purge that is on its way, and whoever asks is told when it is there',
  async (t) => {
    const { remote, stores } = made()
    t.equal(
      stores[0].whenRemoved(() => {}),
      false,
      'nothing is on its way'
    )
    // Nothing is read meanwhile.
    remote.usable = false
    stores[0].invalidate(URL)
    t.strictSame(remote.told, [`remove ${URL}`])
    let known = 0
    t.equal(
      stores[0].whenRemoved(() => known++),
      true
    )
    t.equal(
      stores[1].whenRemoved(() => {}),
      false,
      'another thread asks for its own'
    )
    await remote.hears()
    t.equal(known, 1)
    stores[0].invalidate(URL)
    stores[0].whenRemoved(() => known++)
    remote.clock.advance(remote.timeoutMs)
    t.equal(known, 2, 'or when the time of a request is over')
    for (const state of ['hangs', 'away']) {
      if (state === 'hangs') remote.hangs = true
      else remote.reachable = false
      const told = remote.told.length
      stores[0].invalidate(URL)
      t.equal(
        stores[0].whenRemoved(() => {}),
        false,
        `nobody waits for a Redis that ${state}`
      )
      t.equal(remote.told.length - told, state === 'hangs' ? 1 : 0, 'but it gets what it may still execute')
    }
  }
)
