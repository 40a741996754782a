import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FolderStorage } from '../../src/acme/storage/folder-storage.ts'
import { Challenges } from '../../src/net/tls/challenges.ts'
import { acmeConfig, acmeFolder, keeper, serveTokens } from './names.ts'
import { noPebble, startPebble } from './pebble.ts'

t.test('a lock is one process’s until it gives it back or dies', async (t) => {
  const folder = acmeFolder(t)
  const [one, two] = [new FolderStorage(folder), new FolderStorage(folder)]
  const lock = await one.lock('a.example.com')
  t.ok(lock)
  t.equal(await two.lock('a.example.com'), undefined)
  t.ok(await two.lock('b.example.com'), 'another name')
  await lock!.release()
  const next = await two.lock('a.example.com')
  t.ok(next)
  await lock!.release()
  t.equal(await one.lock('a.example.com'), undefined, 'given back twice is given back once')
  await next!.release()

  // A process that is killed with the lock in its hands.
  const module = new URL('../../src/acme/storage/folder-storage.ts', import.meta.url).href
  const script = `const { FolderStorage } = await import(${JSON.stringify(module)});
    await new FolderStorage(${JSON.stringify(folder)}).lock('a.example.com');
    console.log('has it'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const gone = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  t.equal(await one.lock('a.example.com'), undefined, 'it is alive')
  child.kill('SIGKILL')
  await gone
  t.ok(await one.lock('a.example.com'), 'it is dead')

  // A holder of another machine, or of another container with the same numbers, is heard of by its beat only.
  const path = join(folder, 'locks', 'c.example.com')
  const ours = join(folder, 'locks', 'a.example.com')
  const there = { ...(JSON.parse(readFileSync(ours, 'utf8')) as object), world: 'elsewhere', token: 'x' }
  writeFileSync(path, JSON.stringify(there))
  t.equal(await one.lock('c.example.com'), undefined, 'its beat is fresh')
  const old = new Date(Date.now() - 3_600_000)
  utimesSync(path, old, old)
  const winners = await Promise.all([one.lock('c.example.com'), two.lock('c.example.com')])
  t.equal(winners.filter((won) => won !== undefined).length, 1, 'of two that find it dead one has it')

  // Who has lost it writes no more.
  writeFileSync(ours, JSON.stringify(there))
  await t.rejects(one.writeName({ name: 'a.example.com' }), /another process has taken the lock/)
  t.same(
    readdirSync(join(folder, 'locks')).filter((file) => /tmp|dead/.test(file)),
    []
  )
})

t.test(
  'two processes with one folder order each name once, and both have its certificate',
  { skip: noPebble, timeout: 180_000 },
  async (t) => {
    const pebble = await startPebble(t, { env: { PEBBLE_VA_SLEEPTIME: '1', PEBBLE_VA_NOSLEEP: '' } })
    const challenges = Challenges.create(false)
    await serveTokens(t, challenges, pebble.httpPort)
    const folder = join(acmeFolder(t), 'acme')
    const names = Array.from({ length: 6 }, (_, i) => `n${i}.example.com`)
    const keepers = [0, 1, 2].map(() => keeper(t, { challenges }))
    await Promise.all(keepers.map((each) => each.begin(acmeConfig(pebble, folder), names)))
    for (const each of keepers)
      await each.until(() => names.every((name) => each.names.certificate(name) !== undefined))
    t.equal(pebble.orders(), names.length)
    t.equal(readdirSync(join(folder, 'accounts')).length, 1, 'one account')
    for (const name of names) {
      const certs = new Set(keepers.map(({ names }) => names.certificate(name)!.cert))
      t.equal(certs.size, 1, name)
    }
    t.same(
      keepers.flatMap(({ lines }) => lines.filter(({ level }) => level === 'warn')),
      []
    )
    t.ok(existsSync(join(folder, 'locks')))
  }
)
