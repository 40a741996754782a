import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync
} from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { get } from './clients.ts'
import { until } from './servers.ts'
import { ToldLb, type ToldState } from './told-lb.ts'

const skip = process.getuid?.() !== 0 && 'only root can bind a port below 1024 and drop its rights'

/** Below 1024: as another user nobody could bind it again. */
async function lowPort(): Promise<number> {
  for (let port = 1023; port > 600; port--) {
    const server = createServer().listen(port, '127.0.0.1')
    const free = await once(server, 'listening').then(
      () => true,
      () => false
    )
    server.close()
    if (free) return port
  }
  throw new Error('no port below 1024 is free')
}

function overUnix(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!))
    })
    sent.on('error', reject).end()
  })
}

/** A folder where `nobody` may remove its socket. */
function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'lb-'))
  chmodSync(dir, 0o777)
  t.teardown(() => rmSync(dir, { recursive: true }))
  return dir
}

async function reaches(lb: ToldLb, holds: (state: ToldState) => boolean, what: string): Promise<ToldState> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const state = await lb.tell({ type: 'state' })
    if (holds(state)) return state
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const route = { match: {}, respond: { status: 200, body: 'ok' } }

for (const net of ['handles', 'sockets']) {
  t.test(
    `${net}: a worker that dies after user: is replaced, and nobody waits for it`,
    { skip },
    async (t) => {
      const [low, high, admin, later] = [
        await lowPort(),
        await freePort(),
        await freePort(),
        await freePort()
      ]
      const path = join(folder(t), 'lb.sock')
      const yaml = (highHost: string, ...binds: string[]) => ({
        user: 'nobody',
        workers: 2,
        admin: { bind: `127.0.0.1:${admin}` },
        listeners: [
          {
            name: 'web',
            bind: [`127.0.0.1:${low}`, `${highHost}:${high}`, ...binds],
            mode: 'l7',
            routes: [route]
          },
          { name: 'local', bind: `unix:${path}`, mode: 'l7', socket: { mode: '0666' }, routes: [route] }
        ]
      })
      const lb = await ToldLb.start(t, yaml('127.0.0.1'), { LB_NET: net })
      t.not((await lb.tell({ type: 'state' })).uid, 0)

      const all = async (count: number, ...ports: number[]) => {
        for (let i = 0; i < count; i++) {
          for (const port of ports) t.equal((await get(port)).status, 200)
          t.equal(await overUnix(path), 200)
        }
      }
      await all(10, low)
      for (const [restarts, thread] of [
        [1, 1],
        [1, 2],
        [2, 1]
      ] as const) {
        await lb.tell({ type: 'crash', thread })
        // Before, a request may be with the worker that dies, and is lost with it.
        const dead = ({ workers }: ToldState) =>
          workers[thread - 1]!.restarts === restarts || workers[thread - 1]!.state !== 'running'
        await reaches(lb, dead, `worker ${thread} is dead`)
        // One after the other: a part of them would wait for the dead one.
        await all(20, low)
        const back = (state: ToldState) =>
          state.workers[thread - 1]!.restarts === restarts && state.workers[thread - 1]!.state === 'running'
        await reaches(lb, back, `worker ${thread} is back`)
        await all(20, low)
        t.equal((await get(admin, '/readyz')).status, 200)
      }

      // What root alone could bind is refused with the reason; the rest is bound by nobody, and replaced as well.
      const below = await lowPort()
      const refused = await lb.tell({ type: 'apply', yaml: yaml('127.0.0.1', `127.0.0.1:${below}`) })
      t.match(refused.errors, [/permission denied.*`user:` has dropped root.*start lb again/])
      const wider = await lb.tell({ type: 'apply', yaml: yaml('0.0.0.0') })
      t.match(wider.errors, [/before `user:` dropped root and may not share it now: start lb again/])
      const applied = await lb.tell({ type: 'apply', yaml: yaml('127.0.0.1', `127.0.0.1:${later}`) })
      t.equal(applied.errors, undefined)
      await all(10, low, later)
      await lb.tell({ type: 'crash', thread: 2 })
      await lb.tell({ type: 'crash', thread: 1 })
      await reaches(lb, ({ workers }) => workers.every(({ restarts }) => restarts > 1), 'both are spawned')
      await reaches(lb, ({ workers }) => workers.every(({ state }) => state === 'running'), 'both are back')
      await all(20, low, later)

      await lb.tell({ type: 'stop' })
      await t.rejects(get(low), { code: 'ECONNREFUSED' })
    }
  )
}

/** As in most of /etc/passwd: who owns what `nobody` makes. */
const NOBODY = 65534

for (const owner of ['root', 'nobody']) {
  t.test(
    `a log file in a folder of ${owner}'s goes on after user: and costs no worker`,
    { skip },
    async (t) => {
      const dir = mkdtempSync(join(tmpdir(), 'lb-'))
      t.teardown(() => rmSync(dir, { recursive: true }))
      chmodSync(dir, 0o755)
      if (owner === 'nobody') chownSync(dir, NOBODY, NOBODY)
      const [port, file] = [await freePort(), join(dir, 'access.log')]
      const accessLog = { file, fields: ['target'] }
      const web = { name: 'web', bind: `127.0.0.1:${port}`, mode: 'l7', accessLog, routes: [route] }
      const lb = await ToldLb.start(t, { user: 'nobody', workers: 2, listeners: [web] })
      t.match(statSync(file), { uid: NOBODY, mode: 0o100640 })
      const warned = (await lb.tell({ type: 'state' })).log.some((line) =>
        line.includes('it cannot be rotated')
      )
      t.equal(warned, owner === 'root')
      const lines = (path: string, target: string) => readFileSync(path, 'latin1').split(target).length - 1
      const logs = async (path: string, target: string): Promise<void> => {
        for (let i = 0; i < 10; i++) await get(port, target)
        await until(() => lines(path, target) === 10, `${target} in ${path}`)
      }
      await logs(file, '/first')
      for (const thread of [1, 2]) {
        await lb.tell({ type: 'crash', thread })
        await reaches(
          lb,
          ({ workers }) =>
            workers.every(
              ({ restarts, state }, at) => state === 'running' && (at + 1 !== thread || restarts > 0)
            ),
          `worker ${thread} is back`
        )
      }
      await logs(file, '/replaced')
      renameSync(file, `${file}.1`)
      await lb.tell({ type: 'reopen' })
      if (owner === 'nobody') {
        await until(() => existsSync(file), 'a new file')
        await logs(file, '/reopened')
      } else {
        await logs(`${file}.1`, '/reopened')
        t.match(readFileSync(`${file}.1`, 'latin1'), /log not reopened/)
        // Nor where it cannot be opened at all.
        chownSync(`${file}.1`, 0, 0)
        renameSync(`${file}.1`, file)
        await lb.tell({ type: 'crash', thread: 1 })
        const back = ({ workers }: ToldState) => workers[0]!.restarts === 2 && workers[0]!.state === 'running'
        await reaches(lb, back, 'worker 1 is back without its log')
        for (let i = 0; i < 20; i++) t.equal((await get(port, '/without')).status, 200)
        t.ok(lines(file, '/without') < 20, 'the lines of one worker are lost')
        chownSync(file, NOBODY, NOBODY)
        for (let round = 0, all = false; !all; round++) {
          const target = `/round${round}/`
          for (let i = 0; i < 10; i++) await get(port, target)
          // Lines are gathered for 100 ms.
          const late = Date.now() + 1_000
          await until(() => lines(file, target) === 10 || Date.now() > late, 'a moment')
          all = lines(file, target) === 10
          if (round === 30) throw new Error('the log is not opened again')
        }
        t.same(
          (
            await lb.tell({
              type: 'apply',
              yaml: {
                user: 'nobody',
                workers: 2,
                listeners: [{ ...web, accessLog: { file: join(dir, 'other.log') } }]
              }
            })
          ).errors?.length,
          1,
          'a reload is refused for it'
        )
      }
      await lb.tell({ type: 'stop' })
    }
  )
}
