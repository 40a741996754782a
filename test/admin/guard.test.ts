import t from 'tap'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AdminServer } from '../../src/admin/admin-server.ts'
import { adminProblem } from '../../src/admin/bind-policy.ts'
import { isLocalBind } from '../../src/config/local-bind.ts'
import type { AddressBind } from '../../src/config/model/bind.ts'
import { WrongTokens } from '../../src/admin/wrong-tokens.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { FakeControlPlane, loopback, startAdmin } from './fixtures/fake-control-plane.ts'
import { ask, askJson } from './fixtures/raw-request.ts'

function tcp(host: string): AddressBind {
  return { kind: 'tcp', host, port: 0, text: `${host}:0` }
}

t.test('only loopback addresses, localhost and unix sockets are local', async (t) => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', '::ffff:127.0.0.1', 'localhost']) {
    t.ok(isLocalBind(tcp(host)), host)
  }
  t.ok(isLocalBind({ kind: 'unix', path: '/run/lb.sock', text: 'unix:/run/lb.sock' }))
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '[::]', '::ffff:10.0.0.1', 'lb.example', '']) {
    t.notOk(isLocalBind(tcp(host)), host)
  }
})

t.test('off loopback without a token is refused, in the check and at the start', async (t) => {
  const admin = { binds: [loopback, tcp('0.0.0.0')] }
  t.match(adminProblem(admin), /0\.0\.0\.0:0.*admin\.token/)
  t.match(adminProblem({ ...admin, token: '' }), /admin\.token/)
  t.equal(adminProblem({ ...admin, token: 'x' }), undefined)
  t.equal(adminProblem({ binds: [loopback] }), undefined)
  const server = new AdminServer(new FakeControlPlane(), memoryLogger())
  await t.rejects(server.apply(admin), { message: /admin\.token/ })
  t.strictSame(server.addresses, [])
})

t.test('with a token every change asks for it, and reading on loopback does not', async (t) => {
  const { plane, url, log, close } = await startAdmin('s3cret')
  t.teardown(close)
  const path = `${url}/api/pools/web/backends/a`
  t.match(await ask(`${url}/api/pools`), { status: 200 })
  t.match(await ask(`${url}/metrics`), { status: 200 })
  t.match(await askJson(path, 'POST', { state: 'drain' }), {
    status: 401,
    headers: { 'www-authenticate': /^Bearer/ },
    json: { error: { code: 'unauthorized' } }
  })
  for (const authorization of ['Bearer s3cre', 'Bearer s3cret2', 'Basic s3cret', 's3cret', 'Bearer']) {
    t.match(await askJson(path, 'POST', { state: 'drain' }, { Authorization: authorization }), {
      status: 401
    })
  }
  for (const [method, target] of [
    ['POST', '/api/reload'],
    ['POST', '/api/cache/purge'],
    ['POST', '/api/explain'],
    ['PUT', '/api/x']
  ]) {
    t.match(await ask(url + target, { method: method! }), { status: 401 }, target!)
  }
  t.strictSame(plane.asked, [])
  t.match(log.lines[0], { level: 'warn', message: 'admin call refused', fields: { reason: 'unauthorized' } })
  t.match(await askJson(path, 'POST', { state: 'drain' }, { Authorization: 'bearer s3cret' }), {
    status: 200
  })
})

t.test('wrong tokens are throttled by address, and who knows the right one is let in', async (t) => {
  const clock = new FakeClock()
  const server = new AdminServer(new FakeControlPlane(), memoryLogger(), clock)
  await server.apply({ binds: [tcp('0.0.0.0')], token: 's3cret' })
  t.teardown(() => server.close())
  const port = Number(server.addresses[0]!.split(':').at(-1))
  const show = async (token: string, localAddress = '127.0.0.1') => {
    const headers = { Authorization: `Bearer ${token}` }
    return ask(`http://127.0.0.1:${port}/api/pools`, { headers, localAddress })
  }
  for (let i = 0; i < 20; i++) t.equal((await show(`guess ${i}`.replace(' ', ''))).status, 401)
  const refused = await show('another')
  t.match(refused, { status: 429, json: { error: { code: 'too-many-requests' } } })
  t.equal(refused.headers['retry-after'], '1')
  // Not looked at, so nothing is learnt by it; others are not concerned.
  t.equal((await show('s3cret')).status, 429)
  t.equal((await show('s3cret', '127.0.0.2')).status, 200)
  t.equal((await ask(`http://127.0.0.1:${port}/healthz`)).status, 200)
  // A second later there is one more.
  clock.advance(1_000)
  t.equal((await show('another')).status, 401)
  t.equal((await show('another')).status, 429)
  clock.advance(1_000)
  t.equal((await show('s3cret')).status, 200)
  // It knows the token: whoever guesses beside it, behind one proxy, does not lock it out.
  for (let i = 0; i < 40; i++) t.equal((await show('another')).status, i < 1 ? 401 : 429)
  t.equal((await show('s3cret')).status, 200)
  clock.advance(600_000)
  t.equal((await show('another')).status, 401)
})

t.test('a flood of addresses leaves those alone that know the token, and nothing grows', async (t) => {
  const clock = new FakeClock()
  const tokens = new WrongTokens(clock)
  tokens.right('10.0.0.1')
  for (let i = 0; i < 30; i++) tokens.wrong('10.0.0.1')
  t.equal(tokens.wait('10.0.0.1'), 0)
  for (let i = 0; i < 20_000; i++) tokens.wrong(`192.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
  t.equal(tokens.wait('10.0.0.1'), 0)
  for (let i = 0; i < 20; i++) tokens.wrong('2001:db8::1')
  t.ok(tokens.wait('2001:db8::ffff:1') > 0, 'a /64 is one client')
  t.equal(tokens.wait('2001:db8:0:1::1'), 0)
})

t.test('a wrong token where none is needed is not counted', async (t) => {
  const { url, close } = await startAdmin('s3cret')
  t.teardown(close)
  const headers = { Authorization: 'Bearer of-last-year' }
  for (let i = 0; i < 30; i++) t.equal((await ask(`${url}/metrics`, { headers })).status, 200)
})

t.test('off loopback everything but /healthz and /readyz asks for the token', async (t) => {
  const { url, close } = await startAdmin('s3cret', tcp('0.0.0.0'))
  t.teardown(close)
  const headers = { Authorization: 'Bearer s3cret' }
  for (const path of ['/healthz', '/readyz']) t.match(await ask(url + path), { status: 200 }, path)
  for (const path of ['/metrics', '/api/pools', '/api/config', '/api/openapi.yaml', '/nope']) {
    t.match(await ask(url + path), { status: 401 }, path)
  }
  for (const path of ['/metrics', '/api/pools'])
    t.match(await ask(url + path, { headers }), { status: 200 }, path)
})

t.test(
  'a name in Host that is not ours is refused, but for the health endpoints and who has the token',
  async (t) => {
    const { url, close } = await startAdmin('s3cret')
    t.teardown(close)
    const port = new URL(url).port
    const host = (name: string) => ({ Host: name })
    for (const name of [
      `127.0.0.1:${port}`,
      'localhost',
      `LOCALHOST:${port}`,
      `[::1]:${port}`,
      '10.1.2.3:80'
    ]) {
      t.match(await ask(`${url}/api/pools`, { headers: host(name) }), { status: 200 }, name)
    }
    for (const name of [
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '2130706433'
    ]) {
      t.match(
        await ask(`${url}/api/pools`, { headers: host(name) }),
        { status: 403, json: { error: { code: 'bad-host' } } },
        name
      )
    }
    t.match(await ask(`${url}/readyz`, { headers: host('lb.internal') }), { status: 200 })
    const headers = { Host: 'lb.internal', Authorization: 'Bearer s3cret' }
    t.match(await ask(`${url}/api/pools`, { headers }), { status: 200 })
  }
)

t.test('the name in the bind is a good Host', async (t) => {
  const { url, close } = await startAdmin(undefined, tcp('localhost'))
  t.teardown(close)
  const port = new URL(url).port
  t.match(await ask(`http://localhost:${port}/api/pools`), { status: 200 })
})

t.test('a change asked for by another web page is refused', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  const post = (headers: Record<string, string>) => ask(`${url}/api/reload`, { method: 'POST', headers })
  const foreign: Record<string, string>[] = [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: url.replace('http', 'ftp').replace(/:\d+$/, ':1') },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' }
  ]
  for (const headers of foreign) {
    t.match(await post(headers), { status: 403, json: { error: { code: 'cross-origin' } } })
  }
  t.strictSame(plane.asked, [])
  t.match(await post({ Origin: url, 'Sec-Fetch-Site': 'same-origin' }), { status: 200 })
})

t.test('a unix socket serves, for owner and group; a stale one is replaced, a file is not', async (t) => {
  // Not t.testdir: a socket's path ends at 108 bytes.
  const directory = mkdtempSync(join(tmpdir(), 'lb-admin-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'lb.sock')
  const bind: AddressBind = { kind: 'unix', path, text: `unix:${path}` }
  const killed = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', killed, path])
  t.ok(statSync(path).isSocket())

  const first = await startAdmin(undefined, bind)
  t.teardown(first.close)
  t.equal(statSync(path).mode & 0o777, 0o660)
  t.match(await ask('http://x/api/pools', { socketPath: path, headers: { Host: 'lb' } }), { status: 200 })
  await t.rejects(startAdmin(undefined, bind), { code: 'EADDRINUSE' })

  const file = join(directory, 'a-file')
  writeFileSync(file, 'precious')
  await t.rejects(startAdmin(undefined, { kind: 'unix', path: file, text: `unix:${file}` }), {
    code: 'EADDRINUSE'
  })
})

t.test(
  'a reload keeps the sockets that stay, takes the new token, and a bind that fails changes nothing',
  async (t) => {
    const { server, url, close } = await startAdmin('old')
    t.teardown(close)
    const other = tcp('127.0.0.2')
    await server.apply({ binds: [loopback, other], token: 'new' })
    t.equal(server.addresses.length, 2)
    t.equal(`http://${server.addresses[0]}`, url)
    const headers = { Authorization: 'Bearer new' }
    t.match(await ask(`${url}/api/reload`, { method: 'POST', headers }), { status: 200 })

    const taken: AddressBind = {
      kind: 'tcp',
      host: '127.0.0.1',
      port: Number(new URL(url).port),
      text: 'taken'
    }
    await t.rejects(server.apply({ binds: [taken], token: 'newer' }), { code: 'EADDRINUSE' })
    t.match(await ask(`${url}/api/reload`, { method: 'POST', headers }), { status: 200 })

    const second = `http://${server.addresses[1]}`
    await server.apply({ binds: [loopback], token: 'new' })
    await t.rejects(ask(`${second}/healthz`), { code: 'ECONNREFUSED' })
    await server.apply(undefined)
    await t.rejects(ask(`${url}/healthz`), { code: 'ECONNREFUSED' })
  }
)

t.test('a client that sends nothing, nonsense, or goes away in the middle does no harm', async (t) => {
  const { url, close } = await startAdmin()
  t.teardown(close)
  const port = Number(new URL(url).port)
  for (const bytes of [
    '',
    'GARBAGE\r\n\r\n',
    'POST /api/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab'
  ]) {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => {})
    socket.write(bytes)
    socket.resetAndDestroy()
  }
  t.match(await ask(`${url}/healthz`), { status: 200 })
})

t.test('close lets go of idle keep-alive connections', async (t) => {
  const { url, close } = await startAdmin()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'data')
  const ended = once(socket.resume(), 'end')
  await close()
  await ended
})
