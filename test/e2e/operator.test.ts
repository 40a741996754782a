import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { BackendView } from '../../src/admin/control-plane.ts'
import { get } from './clients.ts'
import { httpOrigin, startLb, tcpOrigin, until } from './servers.ts'

interface Answer {
  readonly status: number
  readonly body: BackendView & { readonly error?: { readonly code: string; readonly message: string } }
}

function operator(address: string, pool: string) {
  return async (backend: string, change?: object): Promise<Answer> => {
    const response = await fetch(
      `http://${address}/api/pools/${pool}/backends/${encodeURIComponent(backend)}`,
      {
        ...(change !== undefined && {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(change)
        })
      }
    )
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
}

t.test('a weight is refused, with the reason, where the algorithm has no use for one', async (t) => {
  const backends = await Promise.all(['a', 'b'].map(async (name) => (await httpOrigin(t, name)).address))
  const lb = await startLb(t, {
    workers: 0,
    admin: { bind: '127.0.0.1:0' },
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'turns' }],
    pools: {
      turns: { backends },
      first: { algorithm: 'first', backends },
      loads: { algorithm: 'least-time', backends }
    }
  })
  const admin = lb.running.adminAddresses[0]!
  for (const pool of ['turns', 'first']) {
    const { status, body } = await operator(admin, pool)(backends[0]!, { weight: 3, state: 'drain' })
    t.equal(status, 409)
    t.match(body.error?.message, /does not use weights/)
    const { body: now } = await operator(admin, pool)(backends[0]!)
    t.match(now, { weight: 1, admin: 'ready' }, 'nothing was changed')
  }
  t.match(await operator(admin, 'loads')(backends[0]!, { weight: 3 }), { status: 200, body: { weight: 3 } })
})

t.test('the view says what a backend counts for, in slow start and while it is drained', async (t) => {
  const backends = await Promise.all(['a', 'b'].map(async (name) => (await httpOrigin(t, name)).address))
  const lb = await startLb(t, {
    workers: 0,
    admin: { bind: '127.0.0.1:0' },
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { algorithm: 'weighted-round-robin', slowStart: '2s', backends } }
  })
  const ask = operator(lb.running.adminAddresses[0]!, 'web')
  const [a] = backends as [string, string]
  t.match((await ask(a, { weight: 4 })).body, { weight: 4, effectiveWeight: 4 }, 'never at process start')
  t.match((await ask(a, { state: 'drain' })).body, { weight: 4, effectiveWeight: 0 })
  const { body: back } = await ask(a, { state: 'ready' })
  t.ok(back.effectiveWeight >= 0.4 && back.effectiveWeight < 2, `${back.effectiveWeight} of 4`)
  let last = back
  const asking = setInterval(() => void ask(a).then(({ body }) => (last = body)), 50)
  t.teardown(() => clearInterval(asking))
  await until(() => last.effectiveWeight > back.effectiveWeight && last.effectiveWeight < 4, 'it grows')
  await until(() => last.effectiveWeight === 4, 'all of it', 5_000)
  t.equal(last.latencyMs, undefined, 'never asked')
  for (let i = 0; i < 6; i++) await get(lb.port('web'))
  await until(() => (last.latencyMs ?? 0) > 0, 'the time that its answers take')
})

t.test(
  'a drain with sessions keeps who holds the cookie, says how many came, and is refused without sticky',
  async (t) => {
    const backends = await Promise.all(
      ['a', 'b'].map(async (name) => ({ name, address: (await httpOrigin(t, name)).address }))
    )
    const lb = await startLb(t, {
      workers: 0,
      admin: { bind: '127.0.0.1:0' },
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
      pools: { web: { backends, sticky: { cookie: 'at' } }, plain: { backends } }
    })
    const admin = lb.running.adminAddresses[0]!
    const ask = operator(admin, 'web')
    const come = async (headers: Record<string, string> = {}) => {
      const response = await fetch(`http://127.0.0.1:${lb.port('web')}/`, { headers })
      return {
        by: (await response.text())[0],
        cookie: response.headers.get('set-cookie')?.split(';')[0] ?? ''
      }
    }
    let first = await come()
    while (first.by !== 'a') first = await come()
    t.match(await ask('a', { state: 'drain', sessions: '2h' }), {
      status: 200,
      body: {
        admin: 'drain',
        usable: false,
        sessions: { holders: 0 },
        reason: 'operator, sessions kept for 2h'
      }
    })
    for (const agent of ['one', 'two', 'one']) {
      t.equal((await come({ cookie: first.cookie, 'user-agent': agent })).by, 'a')
    }
    for (let i = 0; i < 6; i++) t.equal((await come()).by, 'b', 'nobody new')
    t.match((await ask('a')).body, { sessions: { holders: 2 } })
    await ask('a', { state: 'drain' })
    t.equal((await come({ cookie: first.cookie })).by, 'b', 'a plain drain lets them go')
    t.match(await operator(admin, 'plain')('a', { state: 'drain', sessions: '2h' }), {
      status: 409,
      body: { error: { message: /no sticky cookie/ } }
    })
    for (const wrong of [
      { state: 'ready', sessions: '2h' },
      { state: 'drain', sessions: 'two hours' },
      { sessions: '1h' }
    ]) {
      t.equal((await ask('a', wrong)).status, 400)
    }
  }
)

/** A connection, and what the backend said first; `ended` is the code of its end, or 'FIN'. */
async function session(t: Test, port: number): Promise<{ greeting: string; ended: string | undefined }> {
  const state: { greeting: string; ended: string | undefined } = { greeting: '', ended: undefined }
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('data', (chunk) => (state.greeting += chunk.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => (state.ended = error.code))
  socket.on('close', () => (state.ended ??= 'FIN'))
  await until(() => state.greeting !== '', 'a greeting')
  return state
}

for (const workers of [0, 1]) {
  t.test(
    `workers ${workers}: connections leave backups when a primary returns, and backends that are removed`,
    async (t) => {
      const origins = await Promise.all(
        ['primary', 'spare'].map(async (name) => {
          const { address } = await tcpOrigin(t, (socket) => socket.write(name))
          return { name, address, ...(name === 'spare' && { backup: true }) }
        })
      )
      const yaml = (pool: object) => ({
        workers,
        admin: { bind: '127.0.0.1:0' },
        listeners: [
          { name: 'moves', bind: '127.0.0.1:0', mode: 'l4', pool: 'moves' },
          { name: 'stays', bind: '127.0.0.1:0', mode: 'l4', pool: 'stays' }
        ],
        pools: {
          moves: { backends: origins, onUp: 'close-backups', onRemoved: 'close', ...pool },
          stays: { backends: origins, ...pool }
        }
      })
      const lb = await startLb(t, yaml({}))
      const admin = lb.running.adminAddresses[0]!
      const set = (state: string) =>
        Promise.all(['moves', 'stays'].map((pool) => operator(admin, pool)('primary', { state })))
      await set('drain')
      const moves = await session(t, lb.port('moves'))
      const stays = await session(t, lb.port('stays'))
      t.strictSame([moves.greeting, stays.greeting], ['spare', 'spare'])
      await set('ready')
      await until(() => moves.ended !== undefined, 'the end of the connection to the backup')
      t.equal(moves.ended, 'ECONNRESET')
      t.equal(stays.ended, undefined)
      t.match(
        lb.lines.filter(({ fields }) => fields['event'] === 'pool-failback'),
        [{ message: 'pool moves: primary is back, so connections to the backup spare are closed' }]
      )
      const again = await session(t, lb.port('moves'))
      t.equal(again.greeting, 'primary')
      // The primary is no longer in the list: of a pool that lets go of it, and of one that does not.
      const other = await session(t, lb.port('stays'))
      await lb.apply(yaml({ backends: origins.slice(1).map((each) => ({ ...each, backup: false })) }))
      await until(() => again.ended !== undefined, 'the end of the connection to the removed one')
      t.equal(again.ended, 'ECONNRESET')
      const told = () => lb.lines.filter(({ fields }) => fields['event'] === 'connections-closed')
      // A worker's lines go to the log by themselves.
      if (workers === 0)
        await until(
          () => told().some(({ fields }) => fields['backend'] === 'moves/primary'),
          'a line of the log'
        )
      t.strictSame([stays.ended, other.ended], [undefined, undefined])
      t.equal((await session(t, lb.port('moves'))).greeting, 'spare')
    }
  )
}
