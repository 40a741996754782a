import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { distant, Occupant, strangers } from './support/occupant.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'
import { TwoProcesses } from './support/two-processes.ts'

/** LB_BARS=full: all faults, on a quiet machine, with the times of the bar; else some, on a machine that does other things. */
const full = process.env['LB_BARS'] === 'full'
t.setTimeout(600_000)

const timeoutMs = full ? 100 : 500
/** Longest that a request may take. */
const mostMs = full ? timeoutMs + 150 : 20_000

/** Redis is out of order between `begin` and `end`, and that is all that anybody notices. `away`: it is none at all meanwhile. */
interface Fault {
  readonly name: string
  readonly short?: boolean
  readonly away: boolean
  begin(): unknown
  end(): unknown
}

async function suffer(t: Test, lbs: TwoProcesses, fault: Fault): Promise<void> {
  const before = lbs.logged()
  lbs.seen()
  await fault.begin()
  if (fault.away) await lbs.become('away')
  let asked = 0
  const enough = (): boolean => {
    const seen = lbs.seen()
    asked += seen.asked
    t.strictSame(seen.wrong, [], `${fault.name}: no request fails`)
    t.ok(seen.slowest < mostMs, `${fault.name}: the slowest took ${seen.slowest.toFixed(0)} ms`)
    return asked > 500
  }
  await until('some is asked meanwhile', enough)
  if (fault.away) {
    const { status, gauges } = await lbs.told()
    t.match(status, /not reachable$/, `${fault.name}: lb status shows it`)
    t.ok(gauges.length > 0 && gauges.every((line) => line.endsWith(' 0')), `${fault.name}: ${gauges.join()}`)
  }
  await fault.end()
  await lbs.become('reachable')
  enough()
  const logged = () => lbs.logged().map((lines, i) => lines.slice(before[i]!.length))
  if (fault.away)
    await until('both have told that it is back', () =>
      logged().every((fresh) => fresh.at(-1) === 'Redis is reachable')
    )
  for (const fresh of logged()) {
    const changes = fresh.filter((line) => !/^Redis (?:refuses|is still)/.test(line))
    t.comment(`${fault.name}: ${fresh.join('; ')}`)
    // On a busy machine it may be away by itself for a moment.
    t.ok(
      changes.length <= (full && fault.away ? 2 : 8),
      `${fault.name}: a line for each change, not for each request`
    )
    t.ok(
      fresh.length - changes.length <= 2,
      `${fault.name}: a refusal is told of once a minute, another reason once`
    )
  }
}

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
  far('it is slow now and then', () => (Math.floor(performance.now() / 400) % 2 ? 0 : 200), false)

  for (const fault of faults) {
    if (!full && fault.short !== true) continue
    await t.test(fault.name, (t) => suffer(t, lbs, fault))
    // What comes back soon after it was found is left alone for a while: that is looked at elsewhere.
    if (full) await new Promise((resolve) => setTimeout(resolve, 6000))
  }
})
