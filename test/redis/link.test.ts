import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parseRedisUrl } from '../../src/config/redis-url.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { answerInTime } from '../../src/redis/answer-in-time.ts'
import { RedisBoard } from '../../src/redis/redis-board.ts'
import { RedisLink } from '../../src/redis/redis-link.ts'
import { concernsCommandOnly } from '../../src/redis/reply-errors.ts'
import { Relapses } from '../../src/redis/relapses.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { freePort } from '../free-port.ts'
import { Occupant } from './support/occupant.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

const timeoutMs = 50

/** A link to what is at `url`, and what it has logged. */
function linkTo(t: Test, url: string) {
  const { tls: _, ...place } = parseRedisUrl(url)!
  const clock = new FakeClock()
  const log = memoryLogger()
  const board = RedisBoard.create({ threads: 2, shared: false })
  const plan = { config: { ...place, timeoutMs, confirmTimeoutMs: timeoutMs, prefix: 'lb:' }, tls: undefined }
  const link = new RedisLink(plan, { clock, log, metrics: new Metrics(), board, thread: 0 })
  t.teardown(() => link.close())
  const logged = () => log.lines.map(({ message }) => message.split(':')[0])
  return { clock, board, link, log, logged }
}

/** A link to a server that is reached, and what it has logged. */
async function linked(t: Test) {
  const server = new RedisServer(t)
  await server.start()
  const all = linkTo(t, `unix:${server.path}`)
  await until('Redis is reached', () => all.link.usable)
  return { server, ...all }
}

t.test('a Redis is away after three failures one after the other', { skip }, async (t) => {
  const { server, clock, link, logged } = await linked(t)
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
  t.notOk(link.usable, 'no request waits for it now')
  t.ok(link.reachable, 'a pause is one failure, however many were waiting')
  await until('a check has had an answer', () => link.usable)
  server.signal('SIGSTOP')
  await pause(5, timeoutMs - 1)
  t.ok(link.usable, 'what had a part of the time only says nothing')
  clock.advance(timeoutMs)
  await until('but a check has begun, and has no answer', () => !link.usable)
  server.signal('SIGCONT')
  t.equal(await answer(), 'PONG')
  await until('it is used again', () => link.usable)
  server.signal('SIGSTOP')
  await pause(2)
  await pause(2)
  t.ok(link.reachable, 'an answer in between begins the count anew')
  await pause(2)
  t.notOk(link.reachable)
  server.signal('SIGCONT')
  t.strictSame(logged(), ['Redis is reachable', 'Redis is not reachable'])
  clock.advance(1000)
  await until('a write of its own has found out', () => link.usable)
})

t.test('what fails again and again is noticed, whatever is answered in between', { skip }, async (t) => {
  const { server, clock, link } = await linked(t)
  const ask = (command: Parameters<typeof link.ask>[0]) =>
    new Promise<unknown>((done) => link.ask(command, done))
  server.cli('config', 'set', 'maxmemory', '1')
  await until('one that is full is away, though it reads', async () => {
    await ask((connection) => connection.set('x', 'y'))
    await ask((connection) => connection.get('x'))
    clock.advance(500)
    return !link.reachable
  })
  server.cli('config', 'set', 'maxmemory', '0')
  await until('it is found again', () => (clock.advance(1000), link.usable))
  server.signal('SIGSTOP')
  await until('so is a node that hangs, though others answer', async () => {
    const late = ask(() => new Promise<never>(() => {}))
    await setImmediate()
    clock.advance(timeoutMs)
    await late
    await ask(() => Promise.resolve('of another node'))
    clock.advance(1000)
    return !link.reachable
  })
  server.signal('SIGCONT')
  await until('it is found once more', () => (clock.advance(1000), link.usable))
})

t.test('a command that is refused says nothing of the others', { skip }, async (t) => {
  const { server, clock, link, logged } = await linked(t)
  const ask = (...command: readonly string[]) =>
    new Promise<unknown>((done) =>
      link.ask((connection) => connection.call(command[0]!, command.slice(1)), done)
    )
  server.cli('acl', 'setuser', 'default', '-get')
  server.cli('rpush', 'a-list', 'x')
  for (const command of [['get', 'x'], ['incr', 'a-list'], ['nonsense']]) {
    for (let i = 0; i < 5; i++) t.equal(await ask(...command), undefined)
  }
  t.ok(link.usable)
  t.strictSame(logged(), ['Redis is reachable', 'Redis refuses a command'], 'told once')
  server.cli('config', 'set', 'maxmemory', '1')
  for (let i = 0; i < 3; i++) await ask('set', 'x', 'y')
  t.notOk(link.usable, 'a full one is none')
  server.cli('config', 'set', 'maxmemory', '0')
  await until('it is found again', () => (clock.advance(1000), link.usable))
  clock.advance(60_000)
  await ask('get', 'x')
  t.equal(logged().filter((line) => line === 'Redis refuses a command').length, 2, 'and again after a minute')
})

t.test('Redis that is not used, or that another thread reports as away, is checked', { skip }, async (t) => {
  const { server, clock, board, link, logged } = await linked(t)
  server.cli('config', 'set', 'maxmemory', '1')
  await until('it is found to be full', () => (clock.advance(1000), !link.usable))
  server.cli('config', 'set', 'maxmemory', '0')
  await until('it is found again', () => (clock.advance(1000), link.usable))
  server.cli('config', 'set', 'maxmemory', '1')
  board.found(1, false)
  await until('by one that only reads, too', async () => {
    const read = new Promise((done) => link.ask((connection) => connection.get('x'), done))
    clock.advance(999)
    await read
    clock.advance(1)
    return !link.usable
  })
  t.match(logged().slice(0, 3), ['Redis is reachable', 'Redis is not reachable', 'Redis is reachable'])
})

t.test('a server that cannot serve at all is distinguished from one that refuses a command', async (t) => {
  const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })
  for (const message of [
    'MOVED 10622 127.0.0.1:6379',
    'ASK 1 127.0.0.1:6379',
    'DENIED protected mode',
    'LOADING Redis'
  ]) {
    t.notOk(concernsCommandOnly(reply(message)), message)
  }
  for (const message of ['NOPERM no permissions', 'WRONGTYPE Operation', 'ERR unknown command', 'MOVEDON']) {
    t.ok(concernsCommandOnly(reply(message)), message)
  }
  t.notOk(concernsCommandOnly(new Error('NOPERM of somebody else')))
})

t.test('the log says what a server said that closed at once', async (t) => {
  for (const [said, login] of [
    ['DENIED Redis is running in protected mode', ''],
    ['DENIED Redis is running in protected mode', ':password@'],
    ['ERR max number of clients reached', '']
  ]) {
    const port = await freePort()
    const occupant = new Occupant((socket) => socket.end(`-${said}\r\n`))
    await occupant.listen(port)
    t.teardown(() => occupant.close())
    const { log } = linkTo(t, `redis://${login}127.0.0.1:${port}`)
    await until('it is told', () => log.lines.length > 0)
    t.match(log.lines, [{ message: /^Redis is not reachable/, fields: { reason: said } }])
  }
})

t.test('Redis that is away for another reason is logged once more', { skip }, async (t) => {
  const { server, clock, link, log, logged } = await linked(t)
  await server.stop()
  await until('it is away', () => !link.usable)
  await server.start('--requirepass', 'other')
  const later = async (ms: number) => {
    clock.advance(ms)
    // Time for a try to connect, by the clock of the machine, and for its end.
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 60))
  }
  for (let i = 0; i < 9; i++) clock.advance(1000)
  t.strictSame(logged(), ['Redis is reachable', 'Redis is not reachable'], 'not within ten seconds')
  await until('it is told', async () => {
    await later(1000)
    return log.lines.length > 2
  })
  t.match(log.lines[2], {
    level: 'warn',
    message: 'Redis is still not reachable, for another reason',
    fields: { reason: /NOAUTH/ }
  })
  await later(1000)
  await later(1000)
  t.equal(log.lines.length, 3, 'and not again')
  await server.stop()
  await server.start()
  await until('it is found again', () => (clock.advance(1000), link.usable))
  await server.stop()
  await until('it is lost again', () => !link.usable)
  t.strictSame(logged().slice(3), ['Redis is reachable', 'Redis is not reachable'])
})

t.test('what comes and goes is left alone longer each time', async (t) => {
  const relapses = new Relapses()
  const waits: number[] = []
  let now = 0
  for (let i = 0; i < 7; i++) {
    relapses.found(now)
    relapses.lost((now += 1000))
    waits.push(relapses.againMs)
    t.equal(relapses.rested(now), relapses.againMs === 1000)
  }
  t.strictSame(waits, [1000, 2000, 4000, 8000, 8000, 8000, 8000])
  relapses.found(now)
  relapses.lost(now + 6000)
  t.equal(relapses.againMs, 1000, 'after a time of rest it begins anew')
})

t.test('the time that this thread was busy is not counted against Redis', async (t) => {
  for (const [busy, answersAfter, expected] of [
    [0, 49, 'answer'],
    [0, 51, 'Command timed out'],
    [80, 20, 'answer'],
    [80, 40, 'Command timed out'],
    [1000, 49, 'answer'],
    [1000, 51, 'Command timed out']
  ] as const) {
    const clock = new FakeClock()
    const found = answerInTime(
      clock,
      50,
      () => new Promise((resolve) => clock.after(busy + answersAfter, () => resolve('answer')))
    )
    const seen = found.catch((error: Error) => error.message)
    await setImmediate()
    clock.busy(busy)
    clock.advance(0)
    await setImmediate()
    // A deadline waits for the end of the turn, as answers do that have come.
    for (let ms = 0; ms < 60; ms++) {
      clock.advance(1)
      await setImmediate()
    }
    t.equal(await seen, expected, `busy for ${busy} ms, then ${answersAfter}`)
  }
})
