import t from 'tap'
import { encodeEntry } from '../../src/l7/cache/entry.ts'
import { CacheNames } from '../../src/redis/cache/names.ts'
import { type Opened, RemoteCache } from '../../src/redis/cache/remote-cache.ts'
import { answerInTime } from '../../src/redis/answer-in-time.ts'
import { TierWords } from '../../src/redis/cache/tier-words.ts'
import { encodeHead } from '../../src/redis/cache/wire-head.ts'
import type { RedisLink } from '../../src/redis/redis-link.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

const KEY = 'http://site.test/'
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A Redis with one entry, which tells of its purges when the test says so. */
class Server {
  sequence = 0
  readonly log: string[] = []
  readonly #entry: Buffer
  readonly #readers: ((reply: unknown) => void)[] = []

  constructor(purge: number) {
    const info = encodeEntry({ kind: 'pass', until: 1e15 })
    const head = { key: KEY, info, tags: ['red'], note: false, bytes: 0, sums: [], purge }
    this.#entry = encodeHead('i'.repeat(22), head)
  }

  purge(tag: string): void {
    this.log.push(`${++this.sequence} ${JSON.stringify({ kind: 'tag', values: [tag] })}`)
  }

  /** Those who read the log get it as it was when they asked. */
  async answers(): Promise<void> {
    this.#readers.shift()!(undefined)
    await turn()
  }

  get reading(): number {
    return this.#readers.length
  }

  readonly connection = {
    evalshaBuffer: () => Promise.resolve(['1', '0', this.#found, '', ''].map((text) => Buffer.from(text))),
    get: () => Promise.resolve(String(this.sequence)),
    evalsha: (_digest: string, _count: number, _sequence: string, _log: string, known: number) => {
      const lines = this.log.filter((line) => Number(line.split(' ')[0]) > known)
      const reply = [this.sequence, ...lines]
      return new Promise((resolve) => this.#readers.push(() => resolve(reply)))
    }
  }

  get #found(): string {
    return this.#entry.toString('latin1')
  }
}

t.test('loads that read the purges at the same time all know the last one', async (t) => {
  const server = new Server(1)
  const link = {
    usable: true,
    timeoutMs: 50,
    ask: (command: (connection: unknown) => Promise<unknown>, done: (found: unknown) => void) =>
      void command(server.connection).then(done, () => done(undefined))
  }
  const words = TierWords.create(1)
  const remote = new RemoteCache({
    link: link as unknown as RedisLink,
    names: new CacheNames('lb:', 'main'),
    words,
    clock: new FakeClock(),
    instance: 'one'
  })
  const opened: (Opened | undefined)[] = []
  const open = () => remote.open(KEY, '', undefined, 50, (found) => opened.push(found))
  server.purge('blue')
  open()
  await turn()
  server.purge('red')
  open()
  await turn()
  t.equal(server.reading, 2, 'both read the log')
  await server.answers()
  t.match(opened, [{ kind: 'entry' }], 'the first one asked before the purge')
  await server.answers()
  if (server.reading > 0) await server.answers()
  t.match(opened[1], { kind: 'unreadable' }, 'the second one knows of it')
})

t.test(
  'a claim of what replaces an entry, and a removal, are sent before the answer goes to the client',
  (t) => {
    const sent: string[] = []
    const write = (name: string) => {
      sent.push(name)
      return { exec: () => Promise.resolve([[null, [1, 1, 1]]]) }
    }
    const connection = {
      // As ioredis does: sent at the end of the turn, all of them together.
      evalsha: () => new Promise(() => setImmediate(() => sent.push('later'))),
      pipeline: () => ({ evalsha: () => write('script'), incr: () => write('incr') })
    }
    const clock = new FakeClock()
    const link = {
      usable: true,
      timeoutMs: 50,
      ask: (command: (connection: unknown) => Promise<unknown>, done: (found: unknown) => void) =>
        void answerInTime(clock, 50, () => command(connection)).then(done, () => done(undefined))
    }
    const remote = new RemoteCache({
      link: link as unknown as RedisLink,
      names: new CacheNames('lb:', 'main'),
      words: TierWords.create(1),
      clock,
      instance: 'one'
    })
    remote.remove(KEY, undefined, () => {})
    t.strictSame(sent, ['incr', 'script'])
    remote.hold(KEY, 'token', { storing: true, take: true }, () => {})
    t.strictSame(sent, ['incr', 'script', 'script'], 'after the removal, which ends the claims before it')
    remote.hold(KEY, 'token', { storing: true, take: false }, () => {})
    t.equal(sent.length, 3, 'others are waiting already for what is claimed')
    t.end()
  }
)
