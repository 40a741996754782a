import t from 'tap'
import { FakeClock } from '../../fakes/fake-clock.ts'
import type { Exchange } from '../../../src/l7/exchange/exchange.ts'
import { compile } from '../../../src/l7/stages/concurrency/concurrency.ts'
import { concurrencyKeys, type ConcurrencyInput } from '../../../src/l7/stages/concurrency/keys.ts'
import { allocateConcurrency } from '../../../src/l7/stages/concurrency/memory.ts'
import type { Stage } from '../../../src/l7/stages/stage.ts'
import type { StageContext } from '../../../src/l7/stages/stage-context.ts'
import { ANSWERED, GO_ON } from '../../../src/l7/stages/verdict.ts'
import { NOT_COUNTED } from '../../../src/shared/concurrency-table.ts'

/** As much of an exchange as the stage sees. */
interface Fake {
  concurrencyPlace: number
  status: number
  times: { latencyMs: number; queueMs: number } | undefined
  route: { name: string }
  request: { method: string }
  path: string
}

/** The stage by itself, over a clock of the test. */
class World {
  readonly clock = new FakeClock()
  readonly stage: Stage
  readonly #memory: ReturnType<typeof allocateConcurrency>
  refused = 0

  constructor(keys: object) {
    const config: ConcurrencyInput = concurrencyKeys.schema.parse(keys)
    this.#memory = allocateConcurrency(config, 1)
    const engine = { clock: this.clock, metrics: { counter: () => ({ add() {} }) } }
    const refuse = (): typeof ANSWERED => {
      this.refused++
      return ANSWERED
    }
    const named = { name: 'web' }
    const context = { listener: named, route: named, engine, thread: 0, memory: this.#memory, refuse }
    this.stage = compile(config, context as unknown as StageContext)!
  }

  get limit(): number {
    return new Int32Array(this.#memory.adaptive)[0]! / 256
  }

  set limit(limit: number) {
    new Int32Array(this.#memory.adaptive)[0] = limit * 256
  }

  /** `begun`: it has its place. */
  ask(begun: (exchange: Fake) => void, route = 'web', path = '/'): void {
    const exchange = {
      request: { method: 'GET' },
      path,
      concurrencyPlace: NOT_COUNTED as number,
      status: 200,
      times: undefined as Fake['times'],
      route: { name: route },
      wait: () => ({
        over: false,
        onCancel: undefined,
        resume(decide: () => unknown): void {
          this.over = true
          if (decide() === GO_ON) begun(exchange)
        }
      })
    }
    if (this.stage.request!(exchange as unknown as Exchange) === GO_ON) begun(exchange)
  }

  /** `latencyMs`: undefined where no backend was asked. */
  done(exchange: Fake, latencyMs?: number): void {
    exchange.times = latencyMs === undefined ? undefined : { latencyMs, queueMs: 0 }
    this.stage.done!(exchange as unknown as Exchange, 99_999)
  }
}

/** What was called by way of shared memory comes in the next turns. */
async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('all who wait are let in when the limit has grown by more than one', async (t) => {
  const world = new World({ adaptive: true, queue: { max: 10 } })
  world.limit = 2
  const begun: number[] = []
  const exchanges: Fake[] = []
  for (let i = 0; i < 8; i++) {
    world.ask((exchange) => {
      begun.push(i)
      exchanges.push(exchange)
    })
  }
  t.strictSame(begun, [0, 1])
  world.limit = 5
  world.done(exchanges[0]!)
  for (let i = 0; i < 200 && begun.length < 6; i++) await turns()
  t.strictSame(begun, [0, 1, 2, 3, 4, 5], 'in the order in which they came')
  world.limit = 3
  for (const exchange of exchanges.splice(1, 2)) world.done(exchange)
  await turns(20)
  t.equal(begun.length, 6, 'and nobody while more are under way than may')
})

t.test('low waits behind normal, and normal behind high', async (t) => {
  const routes = { checkout: 'high', search: 'low' }
  const world = new World({ max: 1, queue: { max: 10 }, priority: { routes } })
  const order: string[] = []
  let current: Fake | undefined
  for (const route of ['web', 'search', 'web', 'checkout', 'search', 'checkout']) {
    world.ask((exchange) => {
      order.push(route)
      current = exchange
    }, route)
  }
  for (let i = 1; i < 6; i++) {
    world.done(current!)
    for (let tries = 0; tries < 200 && order.length === i; tries++) await turns()
  }
  t.strictSame(order, ['web', 'checkout', 'checkout', 'web', 'search', 'search'])
})

t.test(
  'the limit follows what the backend can do, whoever waits for a place and whatever a cache answers',
  async (t) => {
    const world = new World({ adaptive: true, max: 500, queue: { max: 1000, timeout: '10m' } })
    // So many at a time; more of them wait in the backend.
    const servers = 20
    let serviceMs = 20
    let busy: { exchange: Fake; since: number; endsAt: number }[] = []
    let waiting: { exchange: Fake; since: number }[] = []
    const client = (): void => world.ask((exchange) => waiting.push({ exchange, since: world.clock.now() }))
    const run = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i++) {
        world.clock.advance(1)
        const now = world.clock.now()
        const over = busy.filter(({ endsAt }) => endsAt <= now)
        busy = busy.filter(({ endsAt }) => endsAt > now)
        for (const { exchange, since } of over) {
          world.done(exchange, now - since)
          client()
        }
        while (busy.length < servers && waiting.length > 0)
          busy.push({ ...waiting.shift()!, endsAt: now + serviceMs })
        // A hit now and then, which is there at once, and a fault, which comes as quickly.
        if (i % 50 === 0) world.ask((exchange) => world.done(exchange))
        if (i % 70 === 0) {
          world.ask((exchange) => {
            exchange.status = 502
            world.done(exchange, 0.1)
          })
        }
        await turns(2)
        waiting = waiting.filter(({ exchange }) => exchange.concurrencyPlace !== NOT_COUNTED)
      }
    }
    for (let i = 0; i < 150; i++) client()
    await run(6000)
    const settled = world.limit
    t.ok(settled >= servers && settled < 80, `${settled}, where ${servers} are served at once`)
    serviceMs = 100
    await run(6000)
    const slow = world.limit
    t.ok(slow < settled * 0.7 && slow >= 4, `${slow} when it is five times as slow`)
    serviceMs = 20
    await run(8000)
    t.ok(world.limit > slow && world.limit >= servers, `${world.limit} when it is well again`)
    t.equal(world.refused, 0, 'nobody is refused in order to measure')
  }
)

/** Clients that ask again as soon as they are answered, or 20 ms after they were refused, of a backend that is never busy. */
async function unloaded(world: World, ms: number, clients: Record<string, { count: number; latencyMs: number }>): Promise<number> {
  const before = world.refused
  let due = Object.entries(clients).flatMap(([path, { count }]) => Array.from({ length: count }, () => ({ at: 0, path })))
  let busy: { exchange: Fake; path: string; endsAt: number }[] = []
  for (const end = world.clock.now() + ms; world.clock.now() < end;) {
    world.clock.advance(1)
    const now = world.clock.now()
    const over = busy.filter(({ endsAt }) => endsAt <= now)
    busy = busy.filter(({ endsAt }) => endsAt > now)
    for (const { exchange, path } of over) {
      world.done(exchange, clients[path]!.latencyMs)
      due.push({ at: now, path })
    }
    const asks = due.filter(({ at }) => at <= now)
    due = due.filter(({ at }) => at > now)
    for (const { path } of asks) {
      const refused = world.refused
      world.ask((exchange) => busy.push({ exchange, path, endsAt: now + clients[path]!.latencyMs }), 'web', path)
      if (world.refused > refused) due.push({ at: now + 20, path })
    }
  }
  for (const { exchange } of busy) world.done(exchange)
  return world.refused - before
} // prettier-ignore

t.test('quick and slow requests are no load to each other', async (t) => {
  const world = new World({ adaptive: true })
  const quick = { count: 8, latencyMs: 2 }
  const slow = { count: 10, latencyMs: 200 }
  for (let round = 0; round < 3; round++) {
    t.equal(await unloaded(world, 4000, { '/quick/1': quick }), 0, 'quick ones')
    t.equal(await unloaded(world, 6000, { '/quick/1': quick, '/slow/1': slow }), 0, 'both')
    t.equal(await unloaded(world, 4000, { '/slow/1': slow }), 0, 'slow ones')
  }
  const grown = world.limit
  t.ok((await unloaded(world, 10_000, { '/quick/1': { count: 30, latencyMs: 80 } })) > 0)
  t.ok(world.limit < Math.min(20, grown), `${world.limit} when the quick ones have become slow`)
  // Nobody asks for a while.
  world.clock.advance(6_000)
  t.equal(await unloaded(world, 100, { '/quick/1': { count: 20, latencyMs: 80 } }), 0, 'a new start')
})

t.test('errors, which come quickly, do not become what is expected', async (t) => {
  const world = new World({ adaptive: true })
  const answer = (latencyMs: number, status: number): void => {
    world.ask((exchange) => {
      world.clock.advance(5)
      exchange.status = status
      world.done(exchange, latencyMs)
    })
  }
  for (let i = 0; i < 600; i++) answer(20, 200)
  for (const status of [404, 429, 503]) for (let i = 0; i < 600; i++) answer(0.2, status)
  for (let i = 0; i < 600; i++) answer(20, 200)
  t.ok(world.limit >= 20, `${world.limit}`)
})
