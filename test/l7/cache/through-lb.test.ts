import http from 'node:http'
import t from 'tap'
import type { Test } from 'tap'
import { startLb } from '../../e2e/servers.ts'
import type { FieldList } from './support/fields.ts'
import type { HttpAnswer, Reply } from './support/http-origin.ts'
import { ask, StepOrigin } from './support/http-origin.ts'
import { responseCases } from './support/response-cases.ts'

const date = (seconds = 0) => new Date(Date.now() + seconds * 1000).toUTCString()
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
const lasting: FieldList = [['Cache-Control', 'max-age=3600']]
const etag: [string, string] = ['ETag', '"abc"']

let counter = 0

/** A URL of its own, asked step by step: what the origin would answer, and what is asked. */
class Case {
  readonly path: string
  readonly #port: number
  readonly #origin: StepOrigin
  #step = 0

  constructor(port: number, origin: StepOrigin, suffix = '') {
    this.path = `/case/${++counter}${suffix}`
    this.#port = port
    this.#origin = origin
  }

  /** `from` tells the number of the step whose answer it is, 0 when it is none of the origin's. */
  async ask(
    reply: Reply,
    options: { method?: string; fields?: FieldList; path?: string } = {}
  ): Promise<HttpAnswer & { from: number }> {
    const step = `${this.path}#${++this.#step}`
    this.#origin.replies.set(step, reply)
    const answer = await ask(this.#port, this.path + (options.path ?? ''), step, options)
    return { ...answer, from: Number(String(answer.headers['x-served'] ?? '#0').split('#')[1]) }
  }

  get reached() {
    return this.#origin.of(this.path)
  }
}

async function setUp(t: Test, workers: number) {
  const origin = await StepOrigin.start(t)
  const lb = await startLb(t, {
    workers,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [{ name: 'all', match: {}, pool: 'site', cache: { store: 'main' } }]
      }
    ],
    pools: { site: { backends: [origin.address], retry: { attempts: 0 }, breaker: { failures: 1000 } } },
    caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb' } }
  })
  const port = lb.port('web')
  return { port, origin, make: (suffix?: string) => new Case(port, origin, suffix) }
}

type SetUp = Awaited<ReturnType<typeof setUp>>

async function policy(t: Test, { make }: SetUp) {
  const all = Object.entries(responseCases).flatMap(([group, cases]) =>
    cases().map((one) => ({ group, ...one }))
  )
  await Promise.all(
    all.map(
      async ({
        group,
        title,
        response,
        status = 200,
        first = {},
        second = first,
        pause: wait = 3,
        reused
      }) => {
        // The time of the case is that of its first answer; the second would be the same.
        const list = typeof response === 'function' ? response({ date }) : response
        const one = make()
        const reply: Reply = { status, fields: list }
        const before = await one.ask(reply, { fields: first.fields })
        await pause(wait)
        const after = await one.ask(reply, { fields: second.fields })
        if (before.from !== 1) t.fail(`${group}: ${title}: first came from ${before.from}, ${before.status}`)
        if (after.from !== (reused ? 1 : 2))
          t.fail(`${group}: ${title}: came from ${after.from}, ${after.status}`)
        else t.pass()
      }
    )
  )
}

async function statuses(t: Test, { make }: SetUp) {
  const all = [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599]
  await Promise.all(
    all.map(async (status) => {
      const one = make()
      await one.ask({ status, fields: lasting })
      const again = await one.ask({})
      t.strictSame([again.from, again.status], [1, status], `${status} is reused`)
      const stale = make()
      await stale.ask({
        status,
        fields: [
          ['Expires', date(-5000)],
          ['Date', date()]
        ]
      })
      t.equal((await stale.ask({})).from, 2, `a stale ${status} is not`)
    })
  )
}

const kept: FieldList = [
  ['Test-Header', 'x'],
  ['Content-Encoding', 'x'],
  ['Content-Location', '/bar'],
  ['Content-MD5', 'N7UdGUp1E+RbVvZSTy1R8g=='],
  ['Content-Range', 'x'],
  ['Content-Security-Policy', "default-src 'self' cdn.example.com"],
  ['Content-Type', 'text/plain;charset=utf-8'],
  ['Clear-Site-Data', 'cookies'],
  ['ETag', '"ghijkl"'],
  ['Expires', 'Mon, 11 Jan 2038 11:11:11 GMT'],
  ['Public-Key-Pins', 'x'],
  ['Set-Cookie', 'a=c'],
  ['Set-Cookie2', 'a=c'],
  ['X-Frame-Options', 'sameorigin'],
  ['X-XSS-Protection', '1; mode=block']
]
const dropped = [
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Authentication-Info',
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Upgrade'
]

async function fields(t: Test, { make }: SetUp) {
  await Promise.all([
    ...kept.map(async ([name, value]) => {
      const one = make()
      await one.ask({ fields: [...lasting, ['Cache-Control', 'public'], [name, value]] })
      const again = await one.ask({})
      t.strictSame([again.from, String(again.headers[name.toLowerCase()])], [1, value], `${name} is kept`)
    }),
    ...dropped.map(async (name) => {
      const one = make()
      await one.ask({ fields: [...lasting, [name, 'x-value']] })
      const again = await one.ask({})
      t.equal(again.from, 1, name)
      t.not(again.headers[name.toLowerCase()], 'x-value', `${name} is not kept`)
    })
  ])
  const one = make()
  const sent = date()
  await one.ask({
    fields: [
      ...lasting,
      ['Date', sent],
      ['Connection', 'a, b'],
      ['A', '1'],
      ['B', '2'],
      ['C', '3'],
      ['Age', '30']
    ]
  })
  await pause(3)
  const again = await one.ask({})
  t.match(again.headers, { c: '3', date: sent })
  t.strictSame([again.headers['a'], again.headers['b']], [undefined, undefined])
  t.ok(Number(again.headers['age']) >= 33 && Number(again.headers['age']) < 40, `Age ${again.headers['age']}`)
  t.match(again.headers['cache-status'], /^lb; hit; ttl=\d+$/)
}

async function validation(t: Test, { make }: SetUp) {
  const renewed = async (name: string, before: string, after: string, expected: string) => {
    const one = make()
    await one.ask({
      fields: [['Cache-Control', 'max-age=2'], etag, ['Date', date()], [name, before]],
      body: 'stored'
    })
    await pause(3)
    const reply: Reply = {
      status: 304,
      fields: () => [['Cache-Control', 'max-age=5'], etag, ['Date', date()], [name, after]]
    }
    const validated = await one.ask(reply)
    t.equal(one.reached[1]?.headers['if-none-match'], '"abc"')
    t.strictSame(
      [validated.status, validated.body, validated.headers[name.toLowerCase()]],
      [200, 'stored', expected],
      name
    )
    const again = await one.ask({})
    t.strictSame(
      [again.body, again.headers[name.toLowerCase()], one.reached.length],
      ['stored', expected, 2],
      name
    )
  }
  const conditional = async () => {
    const one = make()
    await one.ask({ fields: [...lasting, etag] })
    const answer = await one.ask({}, { fields: [['If-None-Match', '"x", W/"abc"']] })
    t.strictSame([answer.status, answer.body, answer.headers['etag']], [304, '', '"abc"'])
  }
  const byDate = async () => {
    const one = make()
    const modified = date(-3000)
    await one.ask({
      fields: [
        ['Cache-Control', 'max-age=2'],
        ['Last-Modified', modified]
      ]
    })
    await pause(3)
    const answer = await one.ask({ status: 304 }, { fields: [['If-Modified-Since', modified]] })
    t.equal(answer.status, 304)
    t.equal(one.reached[1]?.headers['if-modified-since'], modified)
  }
  await Promise.all([
    renewed('Test-Header', 'a', 'b', 'b'),
    renewed('Content-Foo', 'a', 'b', 'b'),
    renewed('Content-Type', 'text/plain', 'text/html', 'text/html'),
    conditional(),
    byDate()
  ])
}

async function methods(t: Test, { make }: SetUp) {
  await Promise.all([
    ...['POST', 'PUT', 'DELETE', 'M-SEARCH'].map(async (method) => {
      const one = make()
      await one.ask({ fields: lasting })
      await one.ask({ status: 500 }, { method })
      t.equal((await one.ask({})).from, 1, `a failed ${method} leaves it`)
      await one.ask({}, { method })
      t.equal((await one.ask({})).from, 5, `${method} invalidates`)
    }),
    (async () => {
      const one = make()
      await one.ask({ fields: lasting }, { path: '/there' })
      await one.ask({ fields: [['Location', `${one.path}/there`]] }, { method: 'POST' })
      t.equal((await one.ask({}, { path: '/there' })).from, 3, 'Location is invalidated')
    })(),
    (async () => {
      const one = make()
      await one.ask(
        { fields: [...lasting, ['Content-Location', one.path]], body: 'posted' },
        { method: 'POST' }
      )
      t.equal((await one.ask({})).body, 'posted', 'an answer to POST for GET')
    })(),
    (async () => {
      const one = make()
      await one.ask({ fields: lasting, body: 'whole' })
      const head = await one.ask({}, { method: 'HEAD' })
      t.strictSame([head.from, head.body, head.headers['content-length']], [1, '', '5'])
    })(),
    (async () => {
      const one = make('?a=1')
      await one.ask({ fields: lasting })
      t.equal((await one.ask({}, { path: '&b=2' })).from, 2, 'another query')
    })()
  ])
}

async function ranges(t: Test, { make }: SetUp) {
  const range = (value: string) => ({ fields: [['Range', value]] as FieldList })
  const one = make()
  await one.ask({ fields: [...lasting, ['A', '1']], body: '0123456789A' })
  for (const [asked, body] of [
    ['bytes=0-1', '01'],
    ['bytes=1-', '123456789A'],
    ['bytes=-1', 'A']
  ] as const) {
    const part = await one.ask({}, range(asked))
    t.strictSame([part.from, part.status, part.body, part.headers['a']], [1, 206, body, '1'], asked)
  }
  t.equal((await one.ask({}, range('bytes=20-'))).status, 416)
  const two = make()
  const partial: FieldList = [...lasting, ['Content-Range', 'bytes 5-9/10'], etag]
  await two.ask({ status: 206, fields: partial, body: '56789' }, range('bytes=-5'))
  for (const [asked, body] of [
    ['bytes=-5', '56789'],
    ['bytes=6-8', '678'],
    ['bytes=-1', '9']
  ] as const) {
    const part = await two.ask({}, range(asked))
    t.strictSame([part.from, part.status, part.body], [1, 206, body], asked)
  }
  const three = make()
  await three.ask(
    { status: 206, fields: [...lasting, ['Content-Range', 'bytes 0-4/10'], etag], body: '01234' },
    range('bytes=0-4')
  )
  const whole = await three.ask({
    status: 206,
    fields: [...lasting, ['Content-Range', 'bytes 5-9/10'], etag],
    body: '56789'
  })
  t.strictSame(
    [whole.status, whole.body, three.reached[1]?.headers['range']],
    [200, '0123456789', 'bytes=5-']
  )
  const again = await three.ask({})
  t.strictSame([again.status, again.body, three.reached.length], [200, '0123456789', 2])
}

async function stale(t: Test, { make }: SetUp) {
  const cut = async (control: string, expected: number) => {
    const one = make()
    await one.ask({ fields: [['Cache-Control', control]] })
    await pause(3)
    const answer = await one.ask({ cut: 'at-once' })
    t.equal(answer.from, expected, control)
    if (expected === 0) t.ok(answer.status >= 500, control)
  }
  const whileRevalidating = async () => {
    const one = make()
    await one.ask({ fields: [['Cache-Control', 'max-age=1, stale-while-revalidate=60'], etag], body: 'old' })
    await pause(2)
    const reply: Reply = { fields: lasting, body: 'new' }
    t.equal((await one.ask(reply)).body, 'old')
    let seen = 'old'
    for (let n = 0; n < 50 && seen === 'old'; n++) {
      await pause(0.1)
      seen = (await one.ask(reply)).body
    }
    t.equal(seen, 'new')
    t.equal(one.reached.length, 2, 'one refresh')
  }
  await Promise.all([
    cut('max-age=2', 1),
    cut('max-age=2, must-revalidate', 0),
    cut('max-age=2, proxy-revalidate', 0),
    cut('max-age=2, no-cache', 0),
    cut('max-age=2, s-maxage=2', 0),
    cut('max-age=2, stale-if-error=60', 1),
    whileRevalidating()
  ])
}

async function crowd(t: Test, { make }: SetUp) {
  const one = make()
  const body = 'x'.repeat(200_000)
  const reply: Reply = { fields: lasting, body, delayMs: 500 }
  const answers = await Promise.all(Array.from({ length: 300 }, () => one.ask(reply)))
  t.equal(one.reached.length, 1, 'one request upstream')
  t.ok(answers.every((answer) => answer.body === body && !answer.broken))
  const broken = make()
  const some = await Promise.all(Array.from({ length: 30 }, () => broken.ask({ ...reply, cut: 50_000 })))
  t.ok(
    some.every((answer) => answer.broken || answer.status >= 500),
    'nothing cut short looks whole'
  )
  t.equal((await broken.ask({ fields: lasting, body })).body, body)
  const secret = make()
  const answersApart = await Promise.all(
    Array.from({ length: 50 }, () => secret.ask({ fields: [['Cache-Control', 'private']], delayMs: 200 }))
  )
  t.equal(new Set(answersApart.map(({ from }) => from)).size, 50, 'each its own')
}

http.globalAgent.maxSockets = 2000
for (const workers of [0, 2]) {
  t.test(`through an lb with ${workers} workers`, { timeout: 60_000 }, async (t) => {
    const running = await setUp(t, workers)
    const parts = { policy, statuses, fields, validation, methods, ranges, stale, crowd }
    t.jobs = Object.keys(parts).length
    await Promise.all(Object.entries(parts).map(([name, part]) => t.test(name, (t) => part(t, running))))
  })
}
