import t from 'tap'
import { freePort } from '../free-port.ts'
import { distant, Occupant, strangers } from './support/occupant.ts'
import { full, suffer, timeoutMs, type Fault } from './support/fault.ts'
import { RedisServer, skip } from './support/redis-server.ts'
import { TwoProcesses } from './support/two-processes.ts'

t.setTimeout(600_000)

t.test('Redis is out of order in the middle of traffic, and comes back', { skip }, async (t) => {
  const port = await freePort()
  const server = new RedisServer(t, port)
  const hidden = new RedisServer(t)
  await server.start()
  if (full) await hidden.start()
  const lbs = await TwoProcesses.start(t, { url: `redis://127.0.0.1:${port}`, timeout: `${timeoutMs}ms` })

  const acl = (...rules: readonly string[]) => server.cli('acl', 'setuser', 'default', ...rules)
  const faults: Fault[] = [
    {
      name: 'it hangs',
      short: true,
      away: true,
      begin: () => server.signal('SIGSTOP'),
      end: () => server.signal('SIGCONT')
    },
    { name: 'it dies', away: true, begin: () => server.stop(), end: () => server.startAgain() },
    {
      name: 'it comes back with another password',
      away: true,
      async begin() {
        await server.stop()
        await server.start('--requirepass', 'other')
      },
      async end() {
        await server.stop()
        await server.start()
      }
    },
    {
      name: 'the login may run nothing any more',
      away: true,
      begin: () => acl('-@all', '+ping', '+acl'),
      end: () => acl('+@all')
    },
    ...['get', 'xrange', 'evalsha'].map((command) => ({
      name: `the login may not ${command}`,
      short: command === 'get',
      away: command === 'evalsha',
      begin: () => acl(`-${command}`),
      end: () => acl('+@all')
    })),
    {
      name: 'the login may touch some keys only',
      away: false,
      begin: () => acl('resetkeys', '~lb:rate:*', '~lb:probe:*'),
      end: () => acl('allkeys')
    },
    {
      name: 'it is full',
      short: true,
      away: true,
      begin: () => server.cli('config', 'set', 'maxmemory', '1'),
      end: () => server.cli('config', 'set', 'maxmemory', '0')
    },
    {
      name: 'it is a replica',
      away: true,
      begin: () => server.cli('replicaof', '127.0.0.1', '1'),
      end: () => server.cli('replicaof', 'no', 'one')
    }
  ]
  const instead = (name: string, occupant: Occupant, short: boolean, away: boolean): Fault => ({
    name,
    short,
    away,
    async begin() {
      await server.stop()
      await occupant.listen(port)
    },
    async end() {
      occupant.close()
      await server.startAgain()
    }
  })
  for (const [name, serve] of Object.entries(strangers)) {
    faults.push(instead(name, new Occupant(serve), name === 'garbage', name !== 'one that says OK to all'))
  }
  const far = (name: string, ms: () => number, away: boolean) =>
    faults.push(instead(name, new Occupant(distant(hidden.path, ms)), false, away))
  far('it is 200 ms away', () => 200, true)
  far('it is 50 ms away', () => 50, false)
  far('it is slow now and then', () => (Math.floor(performance.now() / 400) % 2 ? 0 : 200), false)

  for (const fault of faults) {
    if (!full && fault.short !== true) continue
    await t.test(fault.name, (t) => suffer(t, lbs, fault))
    // What comes back soon after it was found is left alone for a while: that is looked at elsewhere.
    if (full) await new Promise((resolve) => setTimeout(resolve, 6000))
  }
})
