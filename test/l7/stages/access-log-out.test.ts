import { existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { descriptorsTo } from '../../open-descriptors.ts'
import { reopenLogs } from '../../../src/core/log/line-sink.ts'
import { LogFile, logFile, useLogFiles } from '../../../src/core/log/log-file.ts'
import { answering, eventually, get, labOf, OK, rawBackend, startLab } from '../engine/lab.ts'

const lines = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []

t.test('a line says who asked with what, over which protocol, and how long each step took', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { listener: { accessLog: true } })
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get('/a?b', 'User-Agent: curl/8 "x"\r\nReferer: http://b.example/\r\n'))
  await client.text('ok')
  await eventually(() => lab.log.lines.some(({ message }) => message === 'request'), 'line')
  const { fields } = lab.log.lines.find(({ message }) => message === 'request')!
  t.match(fields, {
    event: 'request',
    protocol: 'HTTP/1.1',
    scheme: 'http',
    userAgent: 'curl/8 "x"',
    referer: 'http://b.example/',
    attempts: 1,
    connectMs: Number,
    firstByteMs: Number,
    status: 200
  })
})

t.test(
  'a head that is refused is logged with what there was of it, a client that left with 499',
  async (t) => {
    const backend = await rawBackend(() => {})
    t.teardown(() => backend.close())
    const lab = await labOf([backend], {
      listener: { accessLog: true, timeouts: { requestHeaders: '300ms' } }
    })
    t.teardown(() => lab.close())
    const heads = [
      ['GET /two HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', '/two', 400],
      ['GET /nine HTTP/9.9\r\nHost: nine.example\r\n\r\n', '/nine', 505],
      ['POST /late HTTP/1.1\r\nHost: late.example\r\nX-', '/late', 408]
    ] as const
    for (const [head, target, status] of heads) {
      const client = await lab.client()
      client.send(head)
      await client.end()
      const line = lab.log.lines.find(({ fields }) => (fields as { target?: string }).target === target)
      t.match(line?.fields, { target, status, method: head.split(' ')[0], event: 'request', reason: String })
    }
    const gone = await lab.client()
    gone.send(get('/gone'))
    await eventually(() => backend.connections.length > 0, 'asked')
    gone.socket.resetAndDestroy()
    const line = () => lab.log.lines.find(({ fields }) => (fields as { target?: string }).target === '/gone')
    await eventually(() => line() !== undefined, 'line')
    t.match(line()!.fields, { status: 499, code: 'LB_CLIENT_GONE' })
  }
)

t.test('fields of one’s choice, common and combined lines, in files that are opened anew', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lb-access-'))
  const backend = await rawBackend(answering(() => OK))
  t.teardown(() => backend.close())
  const some = join(dir, 'some.log')
  const logs = [
    [{ file: some, fields: ['status', 'target', 'userAgent'] }, /^\{"level":"info","time":"[^"]+","status":200,"target":"\/a","userAgent":"x\\"y","msg":"request"\}$/],
    [{ file: join(dir, 'clf.log'), format: 'clf' }, /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a HTTP\/1\.1" 200 2$/],
    [{ file: join(dir, 'combined.log'), format: 'combined' }, /^127\.0\.0\.1 .* "GET \/a HTTP\/1\.1" 200 2 "-" "x\\"y"$/]
  ] as const // prettier-ignore
  for (const [accessLog, expected] of logs) {
    const lab = await labOf([backend], { listener: { accessLog } })
    const client = await lab.client()
    client.send(get('/a', 'User-Agent: x"y\r\n'))
    await client.text('ok')
    await eventually(() => lines(accessLog.file).length === 1, 'line')
    t.match(lines(accessLog.file)[0], expected)
    await lab.close()
  }
  reopenLogs()
  t.equal(lines(some).length, 1, 'what was there is kept')
})

t.test('a file that is too long is moved away, and no line is lost', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lb-rotate-'))
  const path = join(dir, 'a.log')
  // As two threads have it.
  const both = [
    new LogFile(path, { bytes: 10_000, keep: 3 }, 'json'),
    new LogFile(path, { bytes: 10_000, keep: 3 }, 'json')
  ]
  for (let i = 0; i < 400; i++) {
    both[i % 2]!.write(`${i} ${'x'.repeat(50)}`)
    if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 110))
  }
  await new Promise((resolve) => setTimeout(resolve, 150))
  const files = readdirSync(dir).sort()
  t.ok(files.length >= 2 && files.includes('a.log.1'), files.join())
  const all = files.flatMap((file) => lines(join(dir, file)).map((line) => Number(line.split(' ')[0])))
  t.equal(new Set(all).size, 400)
})

t.test('a file that no configuration names any more is closed; a late line opens it once more', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lb-unused-'))
  const [a, b] = [join(dir, 'a.log'), join(dir, 'b.log')] as const
  const [first, second] = [{}, {}]
  const made = logFile(a, undefined, 'json')
  useLogFiles(first, new Set([a]))
  useLogFiles(second, new Set([a, b]))
  made.write('one')
  useLogFiles(first, new Set())
  if (existsSync('/proc/self/fd')) t.equal(descriptorsTo(a), 1, 'another names it')
  useLogFiles(second, new Set([b]), true)
  await eventually(() => lines(a).join() === 'one', 'line')
  if (existsSync('/proc/self/fd')) await eventually(() => descriptorsTo(a) === 0, 'closed')
  made.write('two')
  await eventually(() => lines(a).join() === 'one,two', 'late line')
  const again = logFile(a, undefined, 'json')
  t.equal(again, made, 'it is the one that was opened late')
  useLogFiles(second, new Set(), true)
  const anew = logFile(a, undefined, 'json')
  useLogFiles(second, new Set([a]))
  made.write('three')
  anew.write('four')
  await eventually(() => lines(a).join() === 'one,two,three,four', 'by the one in its place')
  if (existsSync('/proc/self/fd')) t.equal(descriptorsTo(a), 1)
  useLogFiles(second, new Set(), true)
  if (existsSync('/proc/self/fd')) await eventually(() => descriptorsTo(a) === 0, 'closed in the end')
})

t.test('without an access log a pool that is down writes a few lines a second, then a count', async (t) => {
  const pools = { gone: { backends: ['127.0.0.1:1'], retry: { attempts: 0 } } }
  const routes = [{ match: { path: '/other' }, pool: 'gone' }]
  const listeners = [{ name: 'web', bind: ':0', mode: 'l7', pool: 'gone', routes }]
  const lab = await startLab({ listeners, pools })
  t.teardown(() => lab.close())
  lab.log.level = 'info'
  const client = await lab.client()
  for (let i = 0; i < 40; i++) client.send(get(i % 2 === 0 ? '/' : '/other'))
  await client.until(({ received }) => received.split('HTTP/1.1 50').length === 41, 'answers')
  const warnings = () => lab.log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields)
  const counts = () => warnings().filter((fields) => 'suppressed' in fields)
  const left = () => counts().reduce((sum, fields) => sum + (fields['suppressed'] as number), 0)
  await eventually(() => warnings().length - counts().length + left() === 40, 'each is a line or counted')
  t.ok(left() > 0 && warnings().length < 40, `${warnings().length} lines`)
  t.match(counts()[0], { event: 'request', listener: 'web', pool: 'gone', code: /^LB_/ })
})
