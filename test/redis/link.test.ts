import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { parseRedisUrl } from '../../src/config/redis-url.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { RedisBoard } from '../../src/redis/redis-board.ts'
import { RedisLink } from '../../src/redis/redis-link.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

const timeoutMs = 50

t.test('a Redis is away after three failures one after the other', { skip }, async (t) => {
  const server = new RedisServer(t)
  await server.start()
  const { tls: _, ...place } = parseRedisUrl(`unix:${server.path}`)!
  const clock = new FakeClock()
  const log = memoryLogger()
  const board = RedisBoard.create({ threads: 1, shared: false })
  const plan = { config: { ...place, timeoutMs, prefix: 'lb:' }, tls: undefined }
  const link = new RedisLink(plan, { clock, log, metrics: new Metrics(), board, thread: 0 })
  t.teardown(() => link.close())
  await until('Redis is reached', () => link.usable)
  /** So many at once that are never answered; resolves when all have given up. */
  const pause = async (count: number, withinMs = timeoutMs) => {
    let left = count
    for (let i = 0; i < count; i++) {
      link.ask(
        () => new Promise<never>(() => {}),
        (found) => {
          t.equal(found, undefined)
          left--
        },
        withinMs
      )
    }
    await setImmediate()
    clock.advance(withinMs)
    while (left > 0) await setImmediate()
  }
  const answer = () => new Promise<unknown>((done) => link.ask((connection) => connection.ping(), done))

  await pause(40)
  t.ok(link.usable, 'a pause is one failure, however many were waiting')
  for (let i = 0; i < 5; i++) await pause(1, timeoutMs - 1)
  t.ok(link.usable, 'what had a part of the time only says nothing')
  await pause(1)
  t.equal(await answer(), 'PONG')
  await pause(2)
  await pause(2)
  t.ok(link.usable, 'an answer in between begins the count anew')
  await pause(1)
  t.notOk(link.usable)
  t.strictSame(
    log.lines.map(({ message }) => message),
    [
      'Redis is reachable',
      'Redis is not reachable: limits follow onError, caches do without, sessions in it are answered 503'
    ]
  )
  clock.advance(1000)
  await until('a write of its own has found out', () => link.usable)
})
