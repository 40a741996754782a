import { connect } from 'node:net'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../free-port.ts'
import { dialLine, get, keepAlive } from './clients.ts'
import { spawnLb } from './process.ts'
import { httpOrigin, startLb, tcpOrigin, until } from './servers.ts'

t.test('SIGTERM under load: what was accepted is answered, and the exit code is 0', async (t) => {
  const origin = await httpOrigin(t, 'web', (_, response) => setTimeout(() => response.end('ok'), 20))
  const [web, admin] = [await freePort(), await freePort()]
  const lb = spawnLb(
    t,
    `workers: 2
admin: { bind: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${web}", mode: l7, pool: web }]
pools: { web: { backends: ["${origin.address}"] } }
`
  )
  await lb.says('lb runs')
  // New connections and kept ones. A client that connects is accepted: whatever it is told then must be an answer.
  const agent = keepAlive(t, 10)
  const failures: string[] = []
  let answered = 0
  let refused = 0
  let stopped = false
  const client = async (kept: boolean) => {
    while (!stopped) {
      await get(web, '/', kept ? agent : false).then(
        ({ status }) => {
          if (status === 200) answered++
          else failures.push(`status ${status}`)
        },
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ECONNREFUSED') refused++
          else failures.push(`${kept ? 'kept' : 'new'} ${error.code} ${error.message}`)
        }
      )
      if (refused > 0) return
    }
  }
  const clients = Array.from({ length: 20 }, (_, i) => client(i % 2 === 0))
  await until(() => answered > 100, 'load')
  lb.child.kill('SIGTERM')
  await lb.says('stopping')
  await until(() => refused > 0, 'refused')
  stopped = true
  await Promise.all(clients)
  t.equal(await lb.ended, 0)
  t.strictSame(failures, [])
  t.match(lb.output(), /"cut":0,"msg":"stopped"/)
})

/** 'open', or the code of the error. */
async function fateOfDial(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const fate = await once(socket, 'connect').then(
    () => 'open',
    ({ code }: NodeJS.ErrnoException) => code!
  )
  socket.on('error', () => {}).destroy()
  return fate
}

t.test('while it drains /readyz says so at once, and the grace bounds it', async (t) => {
  const echo = await tcpOrigin(t)
  const [raw, admin] = [await freePort(), await freePort()]
  const lb = spawnLb(
    t,
    `workers: 2
shutdown: { grace: 1s }
admin: { bind: "127.0.0.1:${admin}" }
listeners: [{ name: raw, bind: "127.0.0.1:${raw}", mode: l4, pool: raw }]
pools: { raw: { backends: ["${echo.address}"] } }
`
  )
  await lb.says('lb runs')
  t.equal((await get(admin, '/readyz')).status, 200)
  const line = await dialLine(t, raw)
  t.equal(await line.ask('one'), 'one')
  lb.child.kill('SIGTERM')
  await lb.says('stopping')
  t.match(await get(admin, '/readyz'), { status: 503, body: /draining/ })
  t.equal(await line.ask('two'), 'two', 'it lives on')
  // A worker may hear of the stop a little later than the log.
  while ((await fateOfDial(raw)) !== 'ECONNREFUSED') await new Promise((resolve) => setTimeout(resolve, 10))
  await line.closed
  t.equal(await lb.ended, 0)
  t.match(lb.output(), /[1-9]\d* connections were closed after 1000 ms/)
})

t.test('with a delay it says first that it is going, and serves on', async (t) => {
  const [web, admin] = [await freePort(), await freePort()]
  const lb = spawnLb(
    t,
    `workers: 2
shutdown: { delay: 2s, grace: 1s }
admin: { bind: "127.0.0.1:${admin}" }
listeners: [{ name: web, bind: "127.0.0.1:${web}", mode: l7, routes: [{ match: {}, respond: { status: 200, body: fine } }] }]
`
  )
  await lb.says('lb runs')
  lb.child.kill('SIGTERM')
  await lb.says('about to stop')
  t.match(await get(admin, '/readyz'), { status: 503, body: /draining/ })
  let served = 0
  for (;;) {
    const answer = await get(web, '/', false).catch(({ code }: NodeJS.ErrnoException) => code)
    if (answer === 'ECONNREFUSED') break
    t.match(answer, { status: 200 })
    served++
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.ok(served > 0, 'new connections were served')
  t.ok(lb.output().includes('stopping: no new connections'))
  t.equal(await lb.ended, 0)
})

t.test('a second signal ends it at once, also while it only says that it is going', async (t) => {
  for (const [delay, says] of [
    ['0s', 'stopping'],
    ['1h', 'about to stop']
  ] as const) {
    const echo = await tcpOrigin(t)
    const raw = await freePort()
    const lb = spawnLb(
      t,
      `workers: 1
shutdown: { delay: ${delay} }
listeners: [{ name: raw, bind: "127.0.0.1:${raw}", mode: l4, pool: raw }]
pools: { raw: { backends: ["${echo.address}"] } }
`
    )
    await lb.says('lb runs')
    const line = await dialLine(t, raw)
    await line.ask('one')
    lb.child.kill('SIGINT')
    await lb.says(says)
    lb.child.kill('SIGINT')
    t.equal(await lb.ended, 130)
  }
})

t.test('when it has stopped, the lines of all requests are in their file', async (t) => {
  const origin = await httpOrigin(t, 'a')
  for (const workers of [0, 2]) {
    const file = join(t.testdir({}), 'access.log')
    const lb = await startLb(t, {
      workers,
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', accessLog: { file } }],
      pools: { web: { backends: [origin.address] } }
    })
    for (let i = 0; i < 20; i++) await get(lb.port('web'), `/${i}`)
    await lb.running.stop()
    t.equal(readFileSync(file, 'utf8').split('\n').length - 1, 20, `${workers} workers`)
  }
})
