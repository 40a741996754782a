import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t from 'tap'
import { freePort } from '../free-port.ts'
import { testCertificates } from '../net/certificates.ts'
import { get } from './clients.ts'
import { spawnLb } from './process.ts'
import { httpOrigin, until } from './servers.ts'

t.setTimeout(180_000)

const library = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/faketime/libfaketime.so.1'].find((path) => existsSync(path)) // prettier-ignore
const skip = library === undefined && 'libfaketime is not installed'

const certificates = testCertificates()
const leaf = certificates.leaf('localhost', '127.0.0.1')

t.test('a wall clock that jumps by hours or years, both ways, moves no timer, ban, cached age or probe', { skip }, async (t) => {
  let hits = 0
  let down = false
  const origin = await httpOrigin(t, 'web', (request, response) => {
    if (request.url === '/health') return void response.writeHead(down ? 500 : 200).end()
    hits++
    // By a Date of another clock what it sends would be a month old (RFC 9111 §4.2.3).
    response.sendDate = false
    response.writeHead(200, { 'cache-control': request.url!.startsWith('/long') ? 'max-age=100000' : 'max-age=1' }).end('body')
  })
  const [port, tls, admin] = [await freePort(), await freePort(), await freePort()]
  const offset = join(t.testdir({ offset: '+0' }), 'offset')
  const lb = spawnLb(t, `workers: 2
admin: { bind: "127.0.0.1:${admin}" }
caches: { main: {} }
listeners:
  - name: web
    bind: "127.0.0.1:${port}"
    mode: l7
    routes:
      - { match: { pathPrefix: /banned }, respond: { status: 404 }, rateLimit: { requests: 3, per: 1h, burst: 3 } }
      - { match: {}, pool: web, cache: { store: main } }
  - { name: tls, bind: "127.0.0.1:${tls}", mode: l7, pool: web, tls: { certificates: [{ cert: "${leaf.files.cert}", key: "${leaf.files.key}" }] } }
pools: { web: { backends: ["${origin.address}"], health: { type: http, path: /health, interval: 200ms, rise: 2, fall: 2 } } }
`, [], { LD_PRELOAD: library!, FAKETIME_TIMESTAMP_FILE: offset, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' })
  await lb.says('lb runs')
  const jump = (to: string): void => writeFileSync(offset, `${to}\n`)
  const limited = async (): Promise<number> => (await get(port, '/banned')).status
  for (let i = 0; i < 3; i++) t.equal(await limited(), 404)
  t.equal(await limited(), 429)
  t.equal((await get(port, '/long/a')).body, 'body')
  const stored = hits
  const handshake = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: tls, servername: 'localhost', ca: certificates.ca }, () => {
        resolve(socket.getProtocol()!)
        socket.destroy()
      })
      socket.on('error', reject)
    })
  for (const to of ['+30d', '-9000d', '+5h']) {
    jump(to)
    t.equal(await limited(), 429, `${to}: still limited`)
    const long = await get(port, '/long/a')
    t.equal(hits, stored, `${to}: still fresh`)
    t.ok(Number(long.headers['age']) < 120, `${to}: age ${long.headers['age']}`)
    t.match(await handshake(), /TLS/)
    const [before, began] = [hits, performance.now()]
    t.equal((await get(port, `/short/${to}`)).status, 200)
    t.equal((await get(port, `/short/${to}`)).status, 200)
    if (performance.now() - began < 900) t.equal(hits, before + 1, `${to}: stored`)
    // Monotonic time goes on: it is stale a second later.
    const late = Date.now() + 30_000
    const first = hits
    while (hits === first && Date.now() < late) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      await get(port, `/short/${to}`)
    }
    t.ok(hits > first, `${to}: asked again`)
    hits = stored
    t.equal((await get(admin, '/readyz')).status, 200)
  }
  // Probes go on as before.
  jump('-1d')
  down = true
  await until(() => /"axis":"probe","from":"up","to":"down"/.test(lb.output()), 'down')
  jump('+1d')
  down = false
  await until(() => /"axis":"probe","from":"down","to":"up"/.test(lb.output()), 'up again')
  jump('+400d')
  lb.child.kill('SIGHUP')
  await until(() => lb.output().includes('configuration reloaded'), 'reloaded')
  t.equal((await get(port, '/long/a')).status, 200)
  lb.child.kill('SIGTERM')
  t.equal(await lb.ended, 0)
  t.notMatch(lb.output(), /LB_INTERNAL|worker died|is stuck/)
}) // prettier-ignore
