import t, { type Test } from 'tap'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { AdminClient } from '../../src/cli/admin-client/admin-client.ts'
import { findTarget } from '../../src/cli/admin-client/target.ts'
import { changeBackend, waitUntilIdle } from '../../src/cli/operate/change-backend.ts'
import { explainBody, printExplanation } from '../../src/cli/operate/explain.ts'
import { purge } from '../../src/cli/operate/purge.ts'
import { reload } from '../../src/cli/operate/reload.ts'
import { status } from '../../src/cli/status/status.ts'
import { startAdmin } from '../admin/fixtures/fake-control-plane.ts'
import { fakeTerminal } from './fixtures/fake-terminal.ts'

async function running(t: Test, token?: string, given = token) {
  const admin = await startAdmin(token)
  t.teardown(admin.close)
  const client = clientFor(t, admin.url, given)
  return { ...admin, client, terminal: fakeTerminal() }
}

function clientFor(t: Test, admin: string, token?: string): AdminClient {
  const client = new AdminClient(
    findTarget({ admin, ...(token === undefined ? {} : { token }), configNamed: false }, {})
  )
  t.teardown(() => client.close())
  return client
}

const never = new AbortController().signal

t.test('drain, ready, maint and weight change a backend and print its state', async (t) => {
  const { plane, client, terminal } = await running(t, 's3cret')
  await changeBackend(client, 'web/a', { state: 'drain' }, terminal)
  await changeBackend(client, 'web/a', { state: 'ready' }, terminal)
  await changeBackend(client, 'db/unix:/run/db.sock', { weight: 7 }, terminal)
  t.strictSame(terminal.written, [
    'web/a: drain, weight 1, 0 active\n',
    'web/a: up, weight 1, 0 active\n',
    'db/unix:/run/db.sock: up, weight 7, 0 active\n'
  ])
  t.equal(plane.backends.db![1]!.weight, 7)
  terminal.written.length = 0
  await changeBackend(client, 'web/b', { state: 'maint' }, terminal)
  await changeBackend(client, 'web/a', { state: 'drain' }, terminal)
  t.strictSame(
    terminal.written,
    [
      'web/b: maint, weight 1, 0 active\n',
      'web/a: drain, weight 1, 0 active\n',
      'pool web has no usable backend left: what is new there is refused\n'
    ],
    'who takes the last one out is told so'
  )
})

t.test('an unknown backend is reported with the nearest names', async (t) => {
  const { plane, client, terminal } = await running(t)
  const tried = (key: string) => changeBackend(client, key, { state: 'drain' }, terminal)
  await t.rejects(tried('web/c'), { exitCode: 2, message: /pool web has no backend "c".*"a"|known: a, b/ })
  await t.rejects(tried('wbe/a'), { exitCode: 2, message: /no backend "wbe\/a".*did you mean "web\/a"/ })
  await t.rejects(tried('a'), { exitCode: 2, message: /name the pool too: web\/a/ })
  await t.rejects(tried('web'), { exitCode: 2, message: /pool\/backend/ })
  t.strictSame(plane.asked, [])
})

t.test(
  'waiting ends when nothing runs over the backend, and says what is left when time is up',
  async (t) => {
    const { plane, client, terminal } = await running(t)
    const backend = plane.backends.web![0]!
    backend.active = 2
    setTimeout(() => (backend.active = 0), 100)
    await waitUntilIdle(client, 'web/a', 10_000, terminal)
    t.strictSame(terminal.written, ['web/a: idle\n'])
    backend.active = 3
    await t.rejects(waitUntilIdle(client, 'web/a', 50, terminal), {
      exitCode: 1,
      message: 'web/a still has 3 active after 0.05 s'
    })
  }
)

t.test(
  'a drain that keeps sessions asks for it, and waits until their holders have stayed away',
  async (t) => {
    const { plane, client, terminal } = await running(t)
    const backend = plane.backends.web![0]!
    const until = new Date(Date.now() + 7_200_500).toISOString()
    backend.sessions = { until, holders: 3, watchedSeconds: 0 }
    await changeBackend(client, 'web/a', { state: 'drain', sessions: '2h' }, terminal)
    t.strictSame(terminal.written, ['web/a: drain, weight 1, 0 active, sessions for 2h more, 3 left\n'])
    t.match(plane.asked, [{ change: { state: 'drain', sessionsMs: 7_200_000 } }])
    await t.rejects(waitUntilIdle(client, 'web/a', 50, terminal), {
      message: 'web/a still has 0 active, 3 holders of its cookie after 0.05 s'
    })
    backend.sessions = { until, holders: 0, watchedSeconds: 700 }
    await waitUntilIdle(client, 'web/a', 30_000, terminal)
    t.equal(terminal.written.at(-1), 'web/a: idle\n')
  }
)

t.test('reload prints what changed; a refused configuration is exit code 2', async (t) => {
  const { plane, client, terminal } = await running(t)
  await reload(client, false, terminal)
  plane.report = { changed: false, lines: [] }
  await reload(client, true, terminal)
  t.strictSame(terminal.written, ['pool api: +1 backend, -1 draining\n', 'nothing would change\n'])
  t.strictSame(plane.asked, [{ reload: 'now' }, { reload: 'plan' }])
  plane.report = { changed: false, lines: [], errors: ['lb.yaml:3:5: error: unknown key'] }
  await t.rejects(reload(client, false, terminal), { exitCode: 2, message: /stays:\nlb\.yaml:3:5/ })
})

t.test('purge names one thing', async (t) => {
  const { plane, client, terminal } = await running(t)
  await purge(client, ['https://example.com/a'], {}, terminal)
  await purge(client, [], { tag: ['x', 'y'], cache: 'main' }, terminal)
  await purge(client, ['https://example.com/a', 'https://example.com/b'], { soft: true }, terminal)
  t.equal(terminal.written[0], 'purged 7 responses from main\n')
  t.match(plane.asked[1], { purge: { cache: 'main', target: { kind: 'tag', values: ['x', 'y'] } } })
  t.equal(terminal.written[2], '7 responses are stale now in main\n')
  const values = ['https://example.com/a', 'https://example.com/b']
  t.match(plane.asked[2], { purge: { soft: true, target: { kind: 'url', values } } })
  plane.purges = 0
  for (const [urls, options, says] of [
    [['https://example.com/a'], {}, /nothing was stored there; http and other ports are other URLs/],
    [[], { prefix: ['http://example.com/a/*'] }, /no wildcards/],
    [[], { prefix: ['http://example.com/a/'] }, /https and other ports/]
  ] as const) {
    const before = terminal.written.length
    await purge(client, urls, options, terminal)
    t.match(terminal.written.slice(before).join(''), says)
  }
  await t.rejects(purge(client, [], {}, terminal), { name: 'CliError', exitCode: 2 })
  await t.rejects(purge(client, ['https://example.com/'], { all: true }, terminal), {
    name: 'CliError',
    exitCode: 2
  })
  await t.rejects(purge(client, ['/a'], {}, terminal), { exitCode: 2, message: /whole URL/ })
  await t.rejects(purge(client, [], { all: true, cache: 'mian' }, terminal), {
    exitCode: 2,
    message: /no cache "mian"/
  })
})

t.test('status prints the table or JSON, of all pools or one', async (t) => {
  const { client, terminal } = await running(t)
  await status(client, {}, terminal, never)
  t.match(terminal.written[0], /POOL +BACKEND.*\nweb +a .*\nweb +b .*\ndb /)
  await status(client, { pool: 'db' }, terminal, never)
  t.notMatch(terminal.written[1], /^web/m)
  await status(client, { json: true, pool: 'web' }, terminal, never)
  t.match(JSON.parse(terminal.written[2]!), { info: { pid: 4711 }, pools: [{ name: 'web' }] })
  await t.rejects(status(client, { pool: 'wbe' }, terminal, never), { exitCode: 2, message: /"web"/ })
})

t.test(
  'status --watch goes on while lb is away and ends when told to, also in the middle of a look',
  async (t) => {
    const { client, close } = await running(t)
    const stop = new AbortController()
    const terminal = fakeTerminal({
      isTty: true,
      write: (text) => {
        frames.push(text)
        if (frames.length === 1) void close()
        if (frames.length === 2) stop.abort()
      }
    })
    const frames: string[] = []
    await status(client, { watch: true }, terminal, stop.signal)
    t.match(frames[0], /POOL/)
    t.match(frames[1], /no lb answers [^]*Trying again/)
    t.match(frames[2], /\x1b\[\?1049l/)
  }
)

t.test('an address that does not answer, or is not an lb, is reported as such', async (t) => {
  const silent = createTcpServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const port = (silent.address() as AddressInfo).port
  await new Promise((resolve) => silent.close(resolve))
  await t.rejects(clientFor(t, `http://127.0.0.1:${port}`).pools(), {
    exitCode: 1,
    message: new RegExp(`no lb answers at http://127.0.0.1:${port}: connection refused`)
  })
  await t.rejects(clientFor(t, 'unix:/nonexistent/lb.sock').pools(), { message: /the socket does not exist/ })

  const other = createServer((_request, response) => response.end('<html>It works!</html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  await t.rejects(clientFor(t, url).pools(), { exitCode: 1, message: /not the admin listener of an lb/ })
})

t.test('a missing or wrong token is reported with the ways to give it', async (t) => {
  const { client, terminal } = await running(t, 's3cret', '')
  await t.rejects(reload(client, false, terminal), {
    exitCode: 1,
    message: /^the admin token is needed; .*LB_ADMIN_TOKEN/
  })
  const { client: wrong } = await running(t, 's3cret', 'guess')
  await t.rejects(reload(wrong, false, terminal), { message: /token is wrong.*--token/ })
})

t.test('explain prints what would happen to a request, or JSON', async (t) => {
  const { plane, client, terminal } = await running(t)
  const options = { request: 'HEAD', header: ['A: b'], status: 404, responseHeader: ['C: d'] }
  const view = await client.explain(explainBody('http://example.com/a', options))
  t.match(plane.asked, [
    {
      explain: {
        method: 'HEAD',
        headers: [['A', 'b']],
        response: { status: 404, headers: [['C', 'd']] }
      }
    }
  ])
  printExplanation(view, false, terminal)
  t.equal(
    terminal.written.join(''),
    `listener   l7-8080
route      site
           not api: pathPrefix does not match
pool       web
asks for   /a?x=1
cache      main
key        http://example.com/a?x=1
           header accept-language: de
varies by  header accept-encoding: (absent)
outcome    stale: stale-while-revalidate: it is renewed in the background
found      200, 1024 bytes, 75 s old, stale for 15 s
stored     yes: by what the response says (60 s)
`
  )
  printExplanation(view, true, terminal)
  t.strictSame(JSON.parse(terminal.written.at(-1)!), plane.explanation)
  printExplanation(
    {
      listener: 'web',
      passedOver: Array.from({ length: 12 }, (_, n) => ({ route: `r${n}`, condition: 'host' })),
      refused: { code: 'LB_NO_ROUTE', status: 404, why: 'no route matches' }
    },
    false,
    terminal
  )
  t.match(terminal.written.at(-1), /not r11: host[^]*nor 2 before them\nrefused +404 LB_NO_ROUTE: no route/)
})
