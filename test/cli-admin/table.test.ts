import t from 'tap'
import type { PoolView } from '../../src/admin/control-plane.ts'
import type { ListenerView } from '../../src/admin/control-plane.ts'
import { renderListeners } from '../../src/cli/status/listener-table.ts'
import { formatAge, renderStatus, stateWord } from '../../src/cli/status/status-table.ts'
import { certificateLines, stapleLines } from '../../src/cli/status/certificate-lines.ts'
import { renderCaches } from '../../src/cli/status/cache-table.ts'
import { Screen } from '../../src/cli/status/screen.ts'
import { fakeBackend, FakeControlPlane } from '../admin/fixtures/fake-control-plane.ts'
import { blocksOf } from '../docs/pages.ts'
import { fakeTerminal } from './fixtures/fake-terminal.ts'

const plane = new FakeControlPlane()
plane.backends = {
  web: [
    fakeBackend('s1', { active: 12, requests: 1_234_567, weight: 3 }),
    fakeBackend('s2', {
      state: 'down',
      usable: false,
      failures: 7,
      reason: 'connect ECONNREFUSED 10.0.1.2:8080',
      probe: { result: 'fail', latencyMs: 2_000, at: '2026-11-20T12:00:00.000Z' }
    }),
    fakeBackend('unix:/run/site-with-a-rather-long-name-indeed.sock', { admin: 'drain' })
  ],
  'orders-api-production-eu-west-1': [
    fakeBackend('api-1', { state: 'unknown', probe: undefined, lastHealthyAt: undefined })
  ]
}
const now = Date.parse('2026-11-20T12:00:05.000Z')

function render(width: number, color = false): string[] {
  return renderStatus(plane.info(), [], plane.pools() as PoolView[], { width, color, now })
}

t.test('80 columns show what the first glance needs, with long names cut', async (t) => {
  t.equal(render(80)[0], 'lb 0.1.0 · up 60m · 2 workers · pid 4711')
  const [header, first, second, reason, third, fourth] = render(80).slice(2)
  t.match(header, /^POOL +BACKEND +STATE +FAILS +ACTIVE +LAST HEALTHY$/)
  t.match(first, /^web +s1 +up +0 +12 +5s ago$/)
  t.match(second, /^web +s2 +down +7 +0 +5s ago$/)
  t.match(reason, /^ {4}.*: connect ECONNREFUSED 10\.0\.1\.2:8080$/, 'whole, on a line of its own')
  t.match(third, /^web +unix:[^ ]*…[^ ]*\.sock +drain +0 +0 +5s ago/)
  t.match(fourth, /^orde[^ ]*…[^ ]*-1 +api-1 +no check +0 +0$/)
})

t.test('names that differ at their end stay apart at 80 columns', async (t) => {
  const names = ['frontend-7f9c8b6d5-abcde', 'frontend-7f9c8b6d5-fghij']
  const backends = names.map((name) =>
    fakeBackend(name, { state: 'down', reason: 'connection refused by 10.0.1.2:8080' })
  )
  const pools = [{ ...plane.pools()[0]!, backends }] as PoolView[]
  const lines = renderStatus(plane.info(), [], pools, { width: 80, color: false, now }).slice(-4)
  t.match(lines[0], /abcde /)
  t.match(lines[2], /fghij /)
  t.match(lines[1], /connection refused by 10\.0\.1\.2:8080$/)
  const narrow = renderStatus(plane.info(), [], pools, { width: 40, color: false, now })
  t.match(narrow.map((line) => line.trim()).join(' '), /connection refused by 10\.0\.1\.2:8080/, 'wrapped')
})

t.test('names stay apart in narrow terminals, and other columns go before', async (t) => {
  const names = ['[2001:db8:85a3:8d3:1319:8a2e:370:7348]:5432', '[2001:db8:85a3:8d3:1319:8a2e:370:7349]:5432']
  const backends = names.map((name) => fakeBackend(name))
  const pools = [{ ...plane.pools()[0]!, backends }] as PoolView[]
  for (const width of [50, 60, 70, 80, 100]) {
    const lines = renderStatus(plane.info(), [], pools, { width, color: false, now }).slice(-2)
    t.not(lines[0], lines[1], `${width} columns`)
  }
})

t.test('no line is ever wider than the terminal', async (t) => {
  for (let width = 34; width < 240; width++) {
    const widest = Math.max(...render(width).map((line) => line.length))
    if (widest > width) t.fail(`${widest} characters in ${width} columns`)
  }
  t.match(render(34)[2], /^POOL +BACKEND +STATE$/)
})

t.test('220 columns show everything, and a pipe cuts nothing', async (t) => {
  const all = ['WEIGHT', 'OPEN', 'REQUESTS', 'ADDRESS', 'REASON', 'LAST HEALTHY']
  for (const header of all) t.match(render(220)[2], new RegExp(header))
  t.match(render(Infinity)[4], /connect ECONNREFUSED 10\.0\.1\.2:8080$/)
  t.notMatch(render(Infinity).join('\n'), /…/)
  t.notMatch(render(Infinity)[2], /SINCE/, 'a column without content is left out')
})

t.test('in slow start the effective weight is shown before the weight', async (t) => {
  const web = plane.backends['web']!
  const slow = fakeBackend('s1', { weight: 3, effectiveWeight: 0.435 })
  const pools = [{ ...plane.pools()[0]!, backends: [slow, ...web.slice(1)] }] as PoolView[]
  const lines = renderStatus(plane.info(), [], pools, { width: Infinity, color: false, now })
  t.match(lines.join('\n'), / 0\.4[34]\/3 /)
  t.notMatch(render(Infinity).join('\n'), /\/3 /)
})

t.test('colours only where asked for, and widths do not count them', async (t) => {
  t.notMatch(render(120).join(''), /\x1b/)
  const painted = render(120, true)
  t.match(painted[3], /\x1b\[32mup\x1b\[0m/)
  t.match(painted[4], /\x1b\[31mdown\x1b\[0m/)
  t.strictSame(
    painted.map((line) => line.replace(/\x1b\[\d+m/g, '')),
    render(120)
  )
})

t.test('control characters in a reason cannot reach the terminal', async (t) => {
  plane.backends.web![1]!.reason = 'bad \x1b[2J\x07answer'
  t.match(render(Infinity)[4], /bad \?\[2J\?answer$/)
})

t.test("the state is the operator's word and then what health says", async (t) => {
  const word = (over: object) => stateWord(fakeBackend('x', over))
  t.equal(word({}), 'up')
  t.equal(word({ state: 'unknown' }), 'unknown')
  t.equal(word({ admin: 'maint' }), 'maint')
  t.equal(word({ admin: 'drain', state: 'down' }), 'drain down')
  t.equal(word({ breaker: 'open' }), 'breaker')
  t.equal(word({ breaker: 'half-open' }), 'trial')
  t.equal(word({ ejected: true }), 'ejected')
})

t.test('warnings stand above the table', async (t) => {
  const [pool] = plane.pools() as [PoolView]
  const line = (over: Partial<PoolView>) =>
    renderStatus(plane.info(), [], [{ ...pool, ...over }], { width: 80, color: false, now })[1]
  t.match(line({ panic: true }), /health is ignored/)
  t.match(line({ usable: 0 }), /no usable backend/)
  t.match(line({ queue: { waiting: 4, max: 10 } }), /4 waiting/)
  t.equal(line({}), '')
})

t.test('ages have one unit', async (t) => {
  t.strictSame([-5, 0, 119_999, 120_000, 7_200_000, 172_800_000].map(formatAge), [
    '0s',
    '0s',
    '119s',
    '2m',
    '2h',
    '2d'
  ])
})

t.test('a screen redraws in place, says what does not fit, and gives the terminal back', async (t) => {
  const terminal = fakeTerminal({ isTty: true, rows: 3 })
  const screen = new Screen(terminal)
  screen.show(['a', 'b', 'c'])
  screen.show(['1', '2', '3', '4'])
  screen.close(['end'])
  t.strictSame(terminal.written, [
    '\x1b[?1049h\x1b[?25l\x1b[Ha\x1b[K\r\nb\x1b[K\r\nc\x1b[K\x1b[J',
    '\x1b[H1\x1b[K\r\n2\x1b[K\r\n… 2 more lines; name a pool to see less\x1b[K\x1b[J',
    '\x1b[?25h\x1b[?1049lend\n'
  ])
})

t.test('in a pipe pictures follow each other', async (t) => {
  const terminal = fakeTerminal()
  const screen = new Screen(terminal)
  screen.show(['a'])
  screen.show(['b'])
  screen.close(['b'])
  t.equal(terminal.written.join(''), 'a\n\nb\n')
})

t.test('listeners stand above the pools, with what passes per second', async (t) => {
  const [web] = plane.listeners() as [ListenerView]
  const name = 'public-gateway-production-eu-west-1-a'
  const udp: ListenerView = {
    ...web,
    ...{ name: 'dns', mode: 'l4', protocol: 'udp', refused: 0, pools: ['resolvers'] },
    binds: [{ address: '0.0.0.0:53', bound: true }],
    perSecond: { connections: 0, datagrams: 0.25, bytesIn: 0, bytesOut: 12 }
  }
  for (const width of [80, 120]) {
    const lines = renderListeners([web, { ...web, name, tls: true }, udp], { width, color: false })
    t.match(lines[1], /^LISTENER +KIND +OPEN +NEW\/S +REQ\/S +IN\/S +OUT\/S +REFUSED/)
    t.match(lines[2], /^l7-8080 +http +3 +1\.5 +1\.2k +2\.0 kB +3\.5 MB +2/)
    t.match(lines[3], /^public.*1-a +http tls /)
    t.match(lines[4], /^dns +udp +3 +0 +0\.3 +0 +12 B/)
    for (const line of lines) t.ok(line.length <= width, line)
    t.equal(/0\.0\.0\.0:53/.test(lines[4]!), width === 120, 'where there is room')
  }
})

t.test('the sample in docs/admin-api.md is what is printed', async (t) => {
  const [web] = plane.listeners() as [ListenerView]
  const listeners: ListenerView[] = [
    {
      ...web,
      ...{ name: 'web', open: 31, refused: 0, pools: ['web'] },
      binds: [{ address: '0.0.0.0:8080', bound: true }],
      perSecond: { connections: 4.2, requests: 1200, bytesIn: 310_000, bytesOut: 3_500_000 }
    },
    {
      ...web,
      ...{ name: 'dns', mode: 'l4', protocol: 'udp', open: 3, refused: 0, pools: ['resolvers'] },
      binds: [{ address: '0.0.0.0:53', bound: true }],
      perSecond: { connections: 0, datagrams: 12, bytesIn: 900, bytesOut: 2_100 }
    }
  ]
  const probe = { result: 'ok', latencyMs: 1.3, at: '2026-11-20T12:00:00.000Z' } as const
  const backends = [
    fakeBackend('10.0.1.1:8080', {
      ...{ address: '10.0.1.1:8080', active: 12, requests: 90_321, probe },
      lastHealthyAt: new Date(now - 1000).toISOString()
    }),
    fakeBackend('10.0.1.2:8080', {
      ...{ address: '10.0.1.2:8080', state: 'down', usable: false, failures: 7, requests: 71_204 },
      reason: '7 probes failed: connect ECONNREFUSED',
      lastHealthyAt: new Date(now - 180_000).toISOString(),
      probe: { ...probe, result: 'fail', latencyMs: 0.4 }
    })
  ]
  const pools = [{ ...plane.pools()[0]!, name: 'web', backends }] as PoolView[]
  const printed = renderStatus(plane.info(), listeners, pools, { width: 80, color: false, now })
  const sample = blocksOf('docs/admin-api.md', 'console').find((code) => code.startsWith('$ lb status'))!
  t.equal(printed.join('\n'), sample.split('\n').slice(1, -1).join('\n'))
})

t.test('a cache is told by what it answers, and by how much of its memory is in use', async (t) => {
  const [main] = await plane.caches()
  const sample = blocksOf('docs/admin-api.md', 'console').find((code) => code.startsWith('CACHE'))!
  t.equal(renderCaches([main!], { width: 100, color: false }).join('\n'), `\n${sample.trimEnd()}`)
  const redis = { reachable: false, others: 1, unsent: 1, heard: 3 }
  t.match(
    renderCaches([{ ...main!, redis }], { width: 60, color: false }).at(-1),
    /^main .*90 %.*not reachable/
  )
  t.strictSame(renderCaches([], { width: 60, color: false }), [])
})

t.test('of many certificates those with trouble come first, then those that expire first', async (t) => {
  const view = (name: string, state: 'valid' | 'renewing' | 'failed', failures = 0, day = 20) => ({
    ...{
      name,
      state,
      failures,
      text: state,
      notAfter: `2026-12-${String(day).padStart(2, '0')}T00:00:00.000Z`
    }
  })
  const many = Array.from({ length: 30 }, (_, i) => view(`n${i}`, 'valid', 0, 10 + (i % 15)))
  const certificates = [
    ...many,
    view('again', 'renewing', 3),
    view('bad', 'failed', 2),
    view('late', 'valid', 0, 9)
  ]
  const lines = certificateLines(certificates)
  t.strictSame(lines.slice(0, 5), ['', 'bad: failed', 'again: renewing', 'late: valid', 'n0: valid'])
  t.equal(lines.at(-1), '… and 13 more certificates (lb status --all)')
  t.equal(certificateLines(certificates, true).length, 34)
  const staples = many.map(({ name }) => ({ file: name, state: 'failed' as const, text: 'no answer' }))
  t.match(stapleLines(staples).at(-1), /and 10 more .* \(lb status --all\)$/)
  t.equal(stapleLines(staples, true).length, 31)
})
