import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { freePort } from '../free-port.ts'
import { get } from './clients.ts'
import { httpOrigin, until } from './servers.ts'

const bin = resolve(import.meta.dirname, '../../bin/lb.js')

t.test(
  'with all descriptors in use lb lives, reloads, answers for itself, says so once and recovers',
  async (t) => {
    const origin = await httpOrigin(t, 'one')
    const [web, admin] = [await freePort(), await freePort()]
    const file = join(t.testdir({ 'lb.yaml': '' }), 'lb.yaml')
    writeFileSync(
      file,
      `workers: 1
admin: { bind: "127.0.0.1:${admin}" }
shutdown: { grace: 100ms }
listeners: [{ name: web, bind: "127.0.0.1:${web}", mode: l7, pool: a }]
pools: { a: { backends: ["${origin.address}"] } }
`
    )
    const child = spawn(
      'bash',
      ['-c', `ulimit -n 128; exec "$0" "$@"`, process.execPath, bin, '--config', file],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, NODE_OPTIONS: '', LB_LOG: 'json' }
      }
    )
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part))
    await until(() => output.includes('lb runs'), 'up')

    const idle: Socket[] = []
    for (let i = 0; i < 200; i++) {
      const socket = connect(web, '127.0.0.1')
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
      idle.push(socket)
    }
    t.teardown(() => idle.forEach((socket) => socket.destroy()))
    await until(() => output.includes('file descriptors are used up'), 'said')
    t.match(output, /"limit":128,"reserve":16/)
    t.equal((await get(admin, '/healthz')).status, 200)
    t.match(
      (await get(admin, '/metrics')).body,
      /lb_connections_refused_total{listener="web",reason="descriptors"} \d/
    )

    appendFileSync(file, 'log: { level: debug }\n')
    child.kill('SIGHUP')
    await until(() => output.includes('configuration reloaded'), 'reloaded')
    // The timer after a reload collects garbage: that ended it, too.
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    t.equal(child.exitCode, null)
    t.equal(output.split('file descriptors are used up').length, 2, 'once')

    for (const socket of idle) socket.destroy()
    await until(() => idle.every(({ closed }) => closed), 'closed')
    let status = 0
    for (let i = 0; i < 50 && status !== 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      status = await get(web, '/').then(
        (answer) => answer.status,
        () => 0
      )
    }
    t.equal(status, 200)
    child.kill('SIGTERM')
    t.strictSame(await once(child, 'exit'), [0, null])
  }
)
