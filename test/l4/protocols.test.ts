import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { freePort } from '../free-port.ts'
import { testCertificates } from '../net/certificates.ts'
import { engineRig } from './harness.ts'
import { directory, missing, program } from './programs.ts'
import { eventually, receive, testClient } from './sockets.ts'

const run = promisify(execFile)

function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

t.test('Redis: commands, a pipeline and pub/sub', { skip: missing('redis-server') }, async (t) => {
  const port = await freePort()
  await program(t, port, ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', ''])
  const rig = await engineRig(t, { pool: 'redis' }, { redis: { backends: [`127.0.0.1:${port}`] } })
  const commands = await testClient(t, rig.port)
  commands.write('SET k v\r\nGET k\r\n')
  t.equal(await receive(commands, 12), '+OK\r\n$1\r\nv\r\n')
  commands.write('INCR n\r\n'.repeat(10_000))
  let lines = 0
  commands.on('data', (chunk: Buffer) => (lines += chunk.toString('latin1').split('\n').length - 1))
  await eventually(() => lines === 10_000)
  commands.removeAllListeners('data')

  const subscriber = await testClient(t, rig.port)
  subscriber.write('SUBSCRIBE news\r\n')
  await receive(subscriber, 33)
  for (const word of ['one', 'two']) {
    const message = `*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\n${word}\r\n`
    const got = receive(subscriber, message.length)
    commands.write(`PUBLISH news ${word}\r\n`)
    t.equal(await got, message)
  }

  // Many, from one to many, while the one goes on writing.
  const subscribers = await Promise.all(Array.from({ length: 4 }, () => testClient(t, rig.port)))
  const expected = Array.from({ length: 5_000 }, (_, i) => `${i}:${'x'.repeat(40)}`)
  const all = subscribers.map(async (client) => {
    let text = ''
    client.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    client.write('SUBSCRIBE many\r\n')
    await eventually(() => text.includes('subscribe'))
    return async () => {
      await eventually(() => text.includes(`${expected.at(-1)}\r\n`))
      return text.match(/\d+:x+/g)
    }
  })
  const readers = await Promise.all(all)
  commands.resume()
  commands.write(expected.map((word) => `PUBLISH many ${word}\r\n`).join(''))
  for (const read of readers) t.same(await read(), expected)
})

t.test(
  'Redis: its error for too many clients reaches the log',
  { skip: missing('redis-server') },
  async (t) => {
    const port = await freePort()
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--maxclients', '5']
    await program(t, port, ['redis-server', ...settings])
    const rig = await engineRig(t, { pool: 'redis' }, { redis: { backends: [`127.0.0.1:${port}`] } })
    const answers = await Promise.all(
      Array.from({ length: 15 }, async () => {
        const client = await testClient(t, rig.port)
        // It refuses without reading: what the client says at once makes that a reset.
        client.write('PING\r\n')
        return new Promise<string>((resolve) => {
          client.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')))
          client.once('close', () => resolve('nothing'))
        })
      })
    )
    t.equal(answers.filter((answer) => answer === '+PONG\r\n').length, 5)
    t.equal(answers.filter((answer) => answer.includes('max number of clients')).length, 10)
  }
)

t.test(
  'PostgreSQL: sessions with and without TLS, pgbench and COPY',
  { skip: missing('initdb', 'postgres', 'psql', 'pgbench', 'openssl') },
  async (t) => {
    const folder = directory(t)
    const port = await freePort()
    const data = join(folder, 'data')
    mkdirSync(data)
    // It does not run as root: then as the user that its package made.
    const user = process.getuid?.() === 0 ? postgresUser() : undefined
    if (user !== undefined) for (const path of [folder, data]) chownSync(path, user.uid, user.gid)
    const inData = { cwd: data, stdio: 'pipe' as const, ...user }
    execFileSync('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'], inData)
    const certificate = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=db']
    execFileSync('openssl', [...certificate, '-keyout', 'server.key', '-out', 'server.crt'], inData)
    chmodSync(join(data, 'server.key'), 0o600)
    const settings = [
      'ssl=on',
      'fsync=off',
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${folder}`
    ]
    const options = settings.flatMap((setting) => ['-c', setting])
    // SIGINT: fast shutdown, without waiting for its clients.
    await program(t, port, ['postgres', '-D', data, '-p', String(port), ...options], { user, stop: 'SIGINT' })
    const rig = await engineRig(t, { pool: 'db' }, { db: { backends: [`127.0.0.1:${port}`] } })
    const url = (mode: string) => `postgresql://postgres@127.0.0.1:${rig.port}/postgres?sslmode=${mode}`

    for (const mode of ['disable', 'require']) {
      const query = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
      const { stdout } = await run('psql', [url(mode), '-Atc', query])
      t.equal(stdout.trim(), mode === 'require' ? 't' : 'f')
    }
    const copy = "copy (select i, repeat('x', 90) from generate_series(1, 100000) i) to stdout"
    const { stdout } = await run('psql', [url('require'), '-c', copy], { maxBuffer: 1 << 26 })
    t.equal(stdout.split('\n').length, 100_001, '10 MB of COPY, whole')

    const environment = { ...process.env, PGHOST: '127.0.0.1', PGPORT: String(rig.port), PGUSER: 'postgres' }
    await run('pgbench', ['-i', '-q', 'postgres'], { env: environment })
    const bench = await run('pgbench', ['-c', '8', '-t', '20', '-C', 'postgres'], { env: environment })
    t.match(bench.stdout, /number of transactions actually processed: 160\/160/)
    await eventually(() => rig.engine.connections === 0)
    t.equal(rig.held(), 0)
    t.equal(
      rig.metric('lb_errors_total{code="LB_UPSTREAM_RESET"}'),
      0,
      'a goodbye that the server does not read is no error'
    )

    t.test('TLS is ended or routed here, as psql asks for it', async (t) => {
      const pki = testCertificates()
      const ca = join(folder, 'ca.pem')
      writeFileSync(ca, pki.ca)
      const listener = { minVersion: 'TLSv1.2' as const, certificates: [pki.leaf('localhost')] }
      const pools = { db: { backends: [`127.0.0.1:${port}`] } }
      const upstream = new Map([['db', { verify: false }]])
      const tls = { pool: 'db', tls: { selfSigned: true } }
      const ended = await engineRig(t, tls, pools, { material: { listener } })
      const anew = await engineRig(
        t,
        tls,
        { db: { ...pools.db, tls: { verify: false } } },
        { material: { listener, pools: upstream } }
      )
      const routed = await engineRig(t, { sni: [{ host: 'localhost', pool: 'db' }] }, pools)
      const query = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
      for (const [rig, mode, expected] of [
        [ended, `verify-full&sslrootcert=${ca}`, 'f'],
        [anew, `verify-full&sslrootcert=${ca}`, 't'],
        [routed, 'require', 't']
      ] as const) {
        const address = `postgresql://postgres@localhost:${rig.port}/postgres?hostaddr=127.0.0.1&sslmode=${mode}`
        const { stdout } = await run('psql', [address, '-Atc', query])
        t.equal(stdout.trim(), expected)
        const { stdout: rows } = await run('psql', [address, '-c', copy], { maxBuffer: 1 << 26 })
        t.equal(rows.split('\n').length, 100_001)
        await eventually(() => rig.engine.connections === 0)
        t.equal(rig.held(), 0)
        t.same(
          rig.lines.filter(({ level }) => level !== 'debug'),
          []
        )
      }
    })
  }
)
