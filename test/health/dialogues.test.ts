import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import type { BackendAddress, ProbeConfig } from '../../src/config/model/model.ts'
import { probes } from '../../src/health/probes.ts'
import { ProbeMismatch } from '../../src/health/probe.ts'
import type { Dialogue, Step } from '../../src/health/probes/dialogue.ts'
import { HttpDialogue, probeRequest } from '../../src/health/probes/http.ts'
import { MysqlDialogue } from '../../src/health/probes/mysql.ts'
import { PostgresDialogue } from '../../src/health/probes/postgres.ts'
import { RedisDialogue } from '../../src/health/probes/redis.ts'
import { SmtpDialogue } from '../../src/health/probes/smtp.ts'
import { TextDialogue } from '../../src/health/probes/tcp.ts'
import { seededRandom } from '../../src/core/random.ts'
import { probeConfig } from './fixtures.ts'

const never = new AbortController().signal

function at(port: number): BackendAddress {
  return { kind: 'tcp', host: '127.0.0.1', port, text: `127.0.0.1:${port}` }
}

function run(type: ProbeConfig['type'], port: number, over: Partial<ProbeConfig> = {}): Promise<string> {
  return probes[type]({ address: at(port), config: probeConfig({ type, ...over }), tls: undefined }, never)
}

/** Feeds an answer in pieces of `size`; returns the last step, or the mismatch. */
function told(dialogue: Dialogue, answer: Buffer, size: number): Step | ProbeMismatch | undefined {
  try {
    let step: Step | undefined = dialogue.begin()
    for (let from = 0; from < answer.length; from += size) {
      step = dialogue.received(answer.subarray(from, from + size)) ?? step
      if (step?.passed !== undefined) return step
    }
    // What came before it was asked for is read with what comes next.
    step = dialogue.received(Buffer.alloc(0))
    return step?.passed === undefined ? dialogue.closed() : step
  } catch (error) {
    if (error instanceof ProbeMismatch) return error
    throw error
  }
}

function message(type: string, body: string): Buffer {
  const bytes = Buffer.alloc(5 + Buffer.byteLength(body, 'latin1'))
  bytes.write(type, 0, 'latin1')
  bytes.writeUInt32BE(bytes.length - 1, 1)
  bytes.write(body, 5, 'latin1')
  return bytes
}

function packet(sequence: number, body: string): Buffer {
  return Buffer.concat([Buffer.from([body.length, 0, 0, sequence]), Buffer.from(body, 'latin1')])
}

const greeting = packet(0, '\x0a11.4-MariaDB\0' + 'x'.repeat(40))
const httpAt = (over: Partial<ProbeConfig>) =>
  new HttpDialogue(probeConfig({ type: 'http', ...over }), at(80))
/** What is asked, what a server answers, and the verdict: a text passes, a RegExp is the reason why not. */
const cases: readonly [string, () => Dialogue, Buffer | string, string | RegExp][] = [
  ['redis', () => new RedisDialogue(), '+PONG\r\n', 'PONG'],
  [
    'redis with a password',
    () => new RedisDialogue(),
    '-NOAUTH Authentication required.\r\n',
    'asks for a password'
  ],
  ['redis that loads', () => new RedisDialogue(), '-LOADING Redis is loading\r\n', /LOADING/],
  ['no redis', () => new RedisDialogue(), 'HTTP/1.1 400 Bad\r\n', /not Redis/],
  [
    'smtp',
    () => new SmtpDialogue('lb'),
    '220-mx\r\n220 ready\r\n250-mx\r\n250 HELP\r\n',
    'greets and knows EHLO'
  ],
  ['smtp that is busy', () => new SmtpDialogue('lb'), '421 too many connections\r\n', /421 too many/],
  ['no smtp', () => new SmtpDialogue('lb'), 'SSH-2.0-x\r\n', /not SMTP/],
  [
    'mysql',
    () => new MysqlDialogue('lb'),
    Buffer.concat([greeting, packet(2, '\0\0\0\x02\0')]),
    '11.4-MariaDB answers'
  ],
  [
    'mysql: denied',
    () => new MysqlDialogue('lb'),
    Buffer.concat([greeting, packet(2, '\xff\x15\x04#28000Access denied')]),
    '11.4-MariaDB answers'
  ],
  [
    'mysql: full',
    () => new MysqlDialogue('lb'),
    packet(0, '\xff\x10\x04Too many connections'),
    /1040 Too many/
  ],
  ['mysql: blocked', () => new MysqlDialogue('lb'), packet(0, '\xff\x69\x04Host is blocked'), /1129/],
  ['no mysql', () => new MysqlDialogue('lb'), 'HTTP/1.1 400 Bad Request\r\n', /not MySQL|closed/],
  ['postgres', () => new PostgresDialogue('lb'), message('R', '\0\0\0\0'), 'accepts connections'],
  [
    'postgres: password',
    () => new PostgresDialogue('lb'),
    message('R', '\0\0\0\x0a'),
    'accepts connections (asks for a password)'
  ],
  [
    'postgres: starting',
    () => new PostgresDialogue('lb'),
    message('E', 'SFATAL\0C57P03\0Mstarting up\0\0'),
    /57P03 starting up/
  ],
  [
    'postgres: no such user',
    () => new PostgresDialogue('lb'),
    message('E', 'SFATAL\0C28000\0Mno role\0\0'),
    'accepts connections (no role)'
  ],
  ['no postgres', () => new PostgresDialogue('lb'), 'HTTP/1.1 400 Bad Request\r\n', /not PostgreSQL/],
  ['text', () => new TextDialogue({ expect: 'ESMTP' }, ''), '220 ESMTP\r\n', 'answered "220 ESMTP'],
  ['http', () => httpAt({}), 'HTTP/1.1 204 No Content\r\n\r\n', 'status 204'],
  [
    'http after 103',
    () => httpAt({}),
    'HTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    'status 200'
  ],
  ['http/1.0 with bare feeds', () => httpAt({}), 'HTTP/1.0 200\n\n', 'status 200'],
  ['no http', () => httpAt({}), 'SSH-2.0-OpenSSH_9\r\n', /not HTTP/],
  [
    'http in chunks',
    () => httpAt({ body: 'all well' }),
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;x=y\r\nall \r\n6\r\nwell\r\n\r\n0\r\n\r\n',
    'status 200'
  ],
  [
    'http in chunks, other',
    () => httpAt({ body: 'all well' }),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n',
    /lacks "all well"/
  ],
  [
    'http, bad chunk',
    () => httpAt({ body: 'x' }),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    /chunk/
  ],
  ['http, length', () => httpAt({ body: 'x' }), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', /lacks/],
  ['http, other status', () => httpAt({}), 'HTTP/1.1 503 Busy\r\n\r\n', /status 503/]
]

t.test('a dialogue reads its answer in whatever pieces it comes', async (t) => {
  for (const [name, make, text, verdict] of cases) {
    const answer = Buffer.from(text as string, 'latin1')
    for (const size of [1, 2, 3, 7, answer.length]) {
      const result = told(make(), answer, size)
      if (typeof verdict === 'string') t.match(result, { passed: verdict }, `${name} by ${size}`)
      else t.match(result, { message: verdict }, `${name} by ${size}`)
    }
  }
})

t.test('no bytes whatever make a dialogue throw anything but a mismatch, or wait for ever', async (t) => {
  const random = seededRandom(11)
  const makes = [...new Set(cases.map(([, make]) => make))]
  for (let round = 0; round < 4000; round++) {
    const [, make, text] = cases[Math.floor(random() * cases.length)]!
    const bytes = Buffer.from(text as string, 'latin1')
    for (let flips = 0; flips < 3; flips++)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    const result = told(make(), bytes, 1 + Math.floor(random() * 9))
    if (result === undefined) t.fail(`no verdict on ${JSON.stringify(bytes.toString('latin1'))}`)
  }
  const endless = Buffer.alloc(300_000, 'a')
  for (const make of makes) t.ok(told(make(), endless, 4096) instanceof ProbeMismatch)
})

t.test("a request of a probe announces that it closes, and takes fields of one's own", async (t) => {
  const config = probeConfig({
    type: 'http',
    path: '/up',
    method: 'POST',
    headers: { Host: 'a.example', 'User-Agent': 'x' }
  })
  t.equal(
    probeRequest(config, at(80)),
    'POST /up HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\nAccept: */*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
  )
})

t.test(
  'a probe of a pool with proxyProtocol begins with a header that names no client, and in v1 its own ends',
  async (t) => {
    const seen: Buffer[] = []
    const server = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (bytes) => {
        seen.push(bytes)
        socket.end('HTTP/1.1 200 OK\r\n\r\n+PONG\r\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as net.AddressInfo
    const v2 = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')
    await run('http', port, { proxyProtocol: 'v1' })
    t.match(
      seen[0]!.toString(),
      new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${port}\r\nGET /`)
    )
    await run('http', port, { proxyProtocol: 'v2' })
    t.same(seen[1]!.subarray(0, 16), v2)
    await t.rejects(run('grpc', port, { proxyProtocol: 'v2' }))
    t.same(seen[2]!.subarray(0, 16), v2)
    await t.rejects(run('tls', port, { proxyProtocol: 'v1', verify: false }))
    t.match(seen[3]!.toString('latin1'), /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n/)
    await run('tcp', port, { proxyProtocol: 'v2', expect: 'PONG' })
    t.same(seen[4]!, v2)
  }
)

t.test('an answer is read to its end, so that the backend sees no reset', async (t) => {
  const ends: boolean[] = []
  const server = http.createServer((_request, response) => void response.end('x'.repeat(40_000)))
  server.on('connection', (socket) => socket.on('close', (failed) => ends.push(failed)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as net.AddressInfo
  for (let i = 0; i < 5; i++) await run('http', port)
  while (ends.length < 5) await new Promise((resolve) => setTimeout(resolve, 5))
  t.same(ends, [false, false, false, false, false])
})

function has(program: string): false | string {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return `${program} is not installed`
  }
}

/** Runs a server until the test ends; resolves once `ready` passes. */
async function serve(
  t: Test,
  program: string,
  args: string[],
  ready: () => Promise<unknown>,
  uid?: number
): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: 'ignore', ...(uid !== undefined && { uid }) })
  t.teardown(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
  })
  for (let tries = 0; ; tries++) {
    if (
      await ready().then(
        () => true,
        () => false
      )
    )
      return child
    if (child.exitCode !== null || tries > 300) throw new Error(`${program} did not start`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

t.test(
  'a real MariaDB with max_connect_errors 3 is probed a hundred times and blocks nobody',
  { skip: has('mariadbd') },
  async (t) => {
    const data = mkdtempSync(join(tmpdir(), 'lb-maria-'))
    t.teardown(() => rmSync(data, { recursive: true, force: true }))
    execFileSync(
      'mariadb-install-db',
      [
        '--no-defaults',
        `--datadir=${data}/d`,
        '--skip-test-db',
        '--user=root',
        '--auth-root-authentication-method=normal'
      ],
      { stdio: 'ignore' }
    )
    const port = await freePort()
    const args = [
      '--no-defaults',
      `--datadir=${data}/d`,
      `--socket=${data}/s`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--user=root',
      '--max-connect-errors=3',
      `--log-error=${data}/log`,
      '--skip-name-resolve=0',
      '--innodb-buffer-pool-size=8M'
    ]
    await serve(t, 'mariadbd', args, () => run('mysql', port))
    for (let i = 0; i < 100; i++) t.match(await run('mysql', port), /^1[0-9].*MariaDB.* answers/)
    const status = execFileSync('mariadb', [
      '--no-defaults',
      `--socket=${data}/s`,
      '-uroot',
      '-N',
      '-e',
      "show global status like 'Aborted_c%'; select coalesce(sum(sum_connect_errors),0) from performance_schema.host_cache"
    ]).toString()
    t.match(status, /Aborted_clients\s+0/)
    execFileSync('mariadb', ['--no-defaults', `--socket=${data}/s`, '-uroot', '-e', "create user lb@'%'"])
    t.match(await run('mysql', port), /^1[0-9].*MariaDB.* answers/, 'with a user of that name')
    execFileSync('mariadb', ['--no-defaults', `--socket=${data}/s`, '-uroot', '-e', "drop user lb@'%'"])
  }
)

t.test(
  'a real PostgreSQL is probed with and without a user, and is down while it starts',
  { skip: has('postgres') },
  async (t) => {
    const nobody = 65_534
    const data = mkdtempSync(join(tmpdir(), 'lb-pg-'))
    chownSync(data, nobody, nobody)
    t.teardown(() => rmSync(data, { recursive: true, force: true }))
    const bin = execFileSync('pg_config', ['--bindir']).toString().trim()
    execFileSync(join(bin, 'initdb'), ['-D', `${data}/d`, '-U', 'lb', '-A', 'trust', '--no-sync'], {
      stdio: 'ignore',
      uid: nobody
    })
    const port = await freePort()
    const args = [
      '-D',
      `${data}/d`,
      '-p',
      String(port),
      '-k',
      data,
      '-h',
      '127.0.0.1',
      '-c',
      'logging_collector=on',
      '-c',
      `log_directory=${data}`,
      '-c',
      'log_filename=log',
      '-c',
      'fsync=off'
    ]
    await serve(t, join(bin, 'postgres'), args, () => run('postgres', port), nobody)
    t.equal(await run('postgres', port), 'accepts connections')
    t.match(await run('postgres', port, { user: 'nobody-known' }), /accepts connections/)
    t.notMatch(readFileSync(join(data, 'log'), 'utf8'), /reset|unexpected|could not|incomplete/i)
  }
)
