import { existsSync, readFileSync, renameSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { udpBackend, udpClient } from '../l4/udp/udp.ts'
import { startLb, tcpOrigin, until } from './servers.ts'

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []

/** Sends `text`, and resolves with what came back when the connection is over. */
function said(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(text))
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

async function world(t: Test, workers: number, listeners: (folder: string) => readonly object[]) {
  const folder = t.testdir({})
  const origin = await tcpOrigin(t)
  const lb = await startLb(t, {
    workers,
    listeners: listeners(folder).map((each) => ({ bind: '127.0.0.1:0', mode: 'l4', ...each })),
    pools: {
      echo: { backends: [origin.address] },
      gone: { backends: ['127.0.0.1:1'], retry: { attempts: 1 } }
    }
  })
  return { folder, origin, lb }
}

for (const workers of [0, 2]) {
  t.test(
    `workers ${workers}: each TCP connection is a line in the file, and SIGUSR1 opens it anew`,
    async (t) => {
      const { folder, origin, lb } = await world(t, workers, (folder) => [
        { name: 'echo', pool: 'echo', accessLog: { file: join(folder, 'echo.log') } }
      ])
      const file = join(folder, 'echo.log')
      for (let i = 0; i < 20; i++) t.equal(await said(lb.port('echo'), 'hello'), 'hello')
      await until(() => linesOf(file).length === 20, '20 lines')
      for (const line of linesOf(file)) {
        const fields = JSON.parse(line) as Record<string, unknown>
        t.match(fields, {
          level: 'info',
          event: 'connection',
          listener: 'echo',
          client: /^127\.0\.0\.1:\d+$/,
          protocol: 'tcp',
          pool: 'echo',
          backend: `echo/${origin.address}`,
          attempts: 1,
          reason: 'client-closed',
          bytesIn: 5,
          bytesOut: 5,
          ms: Number,
          connectMs: Number,
          msg: 'connection ended'
        })
        t.notOk('queueMs' in fields, 'nobody waited')
      }
      renameSync(file, `${file}.old`)
      lb.running.reopenLogs()
      await until(() => existsSync(file), 'the new file')
      // A worker may open it a moment later than the first: until then its lines go to the old one, and none is lost.
      for (let i = 0; i < 10; i++) await said(lb.port('echo'), 'x')
      await until(() => linesOf(file).length + linesOf(`${file}.old`).length === 30, '30 lines in both')
      t.ok(linesOf(file).length > 0)
    }
  )
}

t.test('refusals are lines too, with code and reason, however many they are', async (t) => {
  const { folder, lb } = await world(t, 0, (folder) => {
    const log = { file: join(folder, 'refused.log') }
    return [
      { name: 'denied', pool: 'echo', deny: ['127.0.0.0/8'], accessLog: log },
      { name: 'gone', pool: 'gone', accessLog: { ...log, sample: 0 } }
    ]
  })
  const file = join(folder, 'refused.log')
  for (let i = 0; i < 30; i++) await said(lb.port('denied'), 'x')
  await said(lb.port('gone'), 'x')
  await until(() => linesOf(file).length === 31, '31 lines')
  const all = linesOf(file).map((line) => JSON.parse(line) as Record<string, unknown>)
  const denied = all.filter(({ listener }) => listener === 'denied')
  t.equal(denied.length, 30, 'none is left out')
  t.match(denied[0], { code: 'LB_DENIED', reason: 'denied', client: /^127/, bytesIn: Number })
  const gone = all.find(({ listener }) => listener === 'gone')
  t.match(gone, {
    level: 'warn',
    code: 'LB_CONNECT_FAILED',
    backend: 'gone/127.0.0.1:1',
    attempts: 1,
    cause: /ECONNREFUSED/
  })
  t.notOk(
    lb.lines.some(({ fields }) => (fields as { code?: string }).code === 'LB_DENIED'),
    'not said twice'
  )
})

t.test('fields of one’s choice, lines as nginx writes them, and files that lb rotates', async (t) => {
  const { folder, lb, origin } = await world(t, 0, (folder) => [
    { name: 'some', pool: 'echo', accessLog: { file: join(folder, 'some.log'), fields: ['bytesIn', 'reason'] } },
    { name: 'stream', pool: 'echo', accessLog: { file: join(folder, 'stream.log'), format: 'stream' } },
    { name: 'gone', pool: 'gone', accessLog: { file: join(folder, 'stream.log'), format: 'stream' } },
    { name: 'long', pool: 'echo', accessLog: { file: join(folder, 'long.log'), rotate: { size: '64kb', keep: 1 } } }
  ])
  await said(lb.port('some'), 'abc')
  await said(lb.port('stream'), 'abcd')
  await said(lb.port('gone'), 'abcd')
  await until(() => linesOf(join(folder, 'some.log')).length === 1, 'a line')
  t.match(linesOf(join(folder, 'some.log'))[0], /^\{"level":"info","time":"[^"]+","bytesIn":3,"reason":"client-closed","msg":"connection ended"\}$/)
  const stream = join(folder, 'stream.log')
  await until(() => linesOf(stream).length === 2, 'two lines')
  const time = String.raw`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]`
  t.match(linesOf(stream)[0], new RegExp(`^127\\.0\\.0\\.1:\\d+ ${time} TCP 200 4 4 \\d+\\.\\d{3} "echo/${origin.address}"$`))
  t.match(linesOf(stream)[1], new RegExp(`^127\\.0\\.0\\.1:\\d+ ${time} TCP 502 0 \\d \\d+\\.\\d{3} "gone/127\\.0\\.0\\.1:1"$`))
  // 64 KiB are some 260 lines.
  for (let round = 0; round < 20 && !existsSync(join(folder, 'long.log.1')); round++) {
    await Promise.all(Array.from({ length: 50 }, () => said(lb.port('long'), 'x')))
  }
  t.ok(existsSync(join(folder, 'long.log.1')), 'moved away')
}) // prettier-ignore

t.test('each UDP session is a line, with its backend and datagrams', async (t) => {
  const folder = t.testdir({})
  const backend = await udpBackend(t, 'a')
  const file = join(folder, 'dns.log')
  const lb = await startLb(t, {
    workers: 1,
    listeners: [
      { name: 'dns', bind: '127.0.0.1:0', mode: 'l4', protocol: 'udp', pool: 'dns', udp: { responses: 1 }, accessLog: { file } }
    ],
    pools: { dns: { backends: [backend.address] } }
  }) // prettier-ignore
  const client = await udpClient(t, lb.port('dns'))
  t.equal(await client.ask('name'), 'a:name')
  await until(() => linesOf(file).length === 1, 'a line')
  t.match(JSON.parse(linesOf(file)[0]!), {
    event: 'session',
    client: `127.0.0.1:${client.port}`,
    protocol: 'udp',
    backend: `dns/${backend.address}`,
    reason: 'answered',
    bytesIn: 4,
    bytesOut: 6,
    datagramsIn: 1,
    datagramsOut: 1
  })
})
