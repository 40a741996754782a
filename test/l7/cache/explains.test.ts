import t from 'tap'
import type { RouteCache } from '../../../src/config/model/model.ts'
import { explainStoring } from '../../../src/l7/cache/decide/explain-storing.ts'
import { Choices } from '../../fakes/choices.ts'
import { Client, routeCache } from './support/client.ts'
import type { FieldList } from './support/fields.ts'

type Field = readonly [name: string, value: string]

/** A failure names its seed. */
class Generator extends Choices {
  config(): Partial<RouteCache> {
    return {
      ...(this.random() < 0.4 ? { defaultTtlMs: 30_000 } : {}),
      ...(this.random() < 0.2 ? { maxTtlMs: 45_000 } : {}),
      ...(this.random() < 0.3 ? { negativeTtlMs: { 404: 5000, 503: 5000 } } : {}),
      setCookie: this.one(['explicit', 'shared', 'never']),
      staleIfErrorMs: this.one([0, 20_000])
    }
  }

  request(): FieldList {
    return this.#some([
      [0.15, 'Authorization', ['Basic eA==']],
      [0.15, 'Cache-Control', ['no-store', 'no-cache', 'max-age=0']],
      [0.1, 'Range', ['bytes=0-3']],
      [0.05, 'If-Match', ['"e"']]
    ])
  }

  response(date: (seconds: number) => string): FieldList {
    const control = Array.from({ length: Math.floor(this.random() * 4) }, () => this.one(DIRECTIVES))
    return this.#some([
      [0.9, 'Cache-Control', [control.join(', ')]],
      [0.15, 'CDN-Cache-Control', ['max-age=20', 'no-store', 'private', 'not;; valid', 'max-age=0']],
      [0.3, 'Expires', ['0', date(50), date(-50), 'never']],
      [0.8, 'Date', [date(0), date(-10), date(100), 'x']],
      [0.3, 'Age', ['0', '5', '100', 'x', '-1', '1, 2']],
      [0.4, 'Last-Modified', [date(-1000), date(1000), 'junk']],
      [0.4, 'ETag', ['"e"', 'W/"e"', 'bare']],
      [0.2, 'Set-Cookie', ['a=1']],
      [
        0.25,
        'Vary',
        ['accept-encoding', '*', 'x-a, x-b', Array.from({ length: 20 }, (_, n) => `x-${n}`).join()]
      ],
      [0.2, 'Content-Range', ['bytes 0-3/8', 'bytes 0-3/*', 'bytes 3-0/8', 'lines 0-3/8']]
    ])
  }

  #some(list: readonly (readonly [share: number, name: string, values: readonly string[]])[]): Field[] {
    return list.filter(([share]) => this.random() < share).map(([, name, values]) => [name, this.one(values)])
  }
}

const DIRECTIVES = [
  ...['max-age=60', 'max-age=0', 's-maxage=40', 's-maxage=0', 'MAX-AGE=50', 'max-age="60"', 'max-age=abc'],
  ...[
    'private',
    'private="x-a"',
    'no-store',
    'no-cache',
    'no-cache="set-cookie"',
    'public',
    'must-revalidate'
  ],
  ...['must-understand', 'immutable', 'stale-while-revalidate=30', 'stale-if-error=30', 'foo="bar, baz"']
]
const STATUSES = [200, 200, 200, 203, 204, 206, 206, 301, 302, 308, 404, 404, 410, 418, 451, 500, 503, 599]

t.test('what explain says of an answer is what becomes of it, and Cache-Status says why', (t) => {
  const first = Number(process.env['LB_SEED'] ?? 90_711)
  const seen = new Map<string, number>()
  for (let seed = first; seed < first + 400; seed++) {
    const generator = new Generator(seed)
    const config = generator.config()
    const client = new Client(config)
    const asked = { fields: generator.request() }
    const status = generator.one(STATUSES)
    const answer = { status, fields: generator.response((seconds) => client.date(seconds)), body: 'body' }
    const request = client.request(asked)
    const response = { status, headers: client.request({ fields: answer.fields }).headers }
    const looked = client.cache.explain(request, client.now)
    const told =
      looked.outcome === 'bypass'
        ? { stored: 'no' as const, why: looked.why, ttlSeconds: undefined }
        : explainStoring(request, { ...routeCache, ...config }, response, client.clock.wall())
    const said = client.ask(asked, answer).get('cache-status') ?? ''
    const found = client.cache.explain(client.request({}), client.now)
    const again = client.ask({}, answer)
    const hint = `seed ${seed}: ${status} ${JSON.stringify({ config, asked, answer, told, said })}`
    seen.set(said, (seen.get(said) ?? 0) + 1)
    t.equal(/; stored/.test(said), told.stored === 'yes', `stored or not: ${hint}`)
    // A part does not answer for the whole.
    if (told.stored === 'yes' && status !== 206) {
      const fresh = told.ttlSeconds! > 0 && !/no-cache/.test(told.why)
      const served = again.from === 'cache' && /; ttl=[1-9]/.test(again.get('cache-status') ?? '')
      t.equal(served, fresh, `fresh or not: ${hint}`)
      if (served) t.equal(again.get('cache-status'), `lb; hit; ttl=${told.ttlSeconds}`, `how long: ${hint}`)
    }
    if (told.stored === 'no') t.match(said, /; detail=[\w-]+$/, `the reason is there: ${hint}`)
    // What is revalidated may stand in for an error after all.
    if (found.outcome !== 'revalidate' || status < 500)
      t.equal(['hit', 'stale'].includes(found.outcome), again.from === 'cache', `explained: ${hint}`)
  }
  t.ok(seen.size > 10, [...seen].map(([said, times]) => `${times} ${said}`).join('\n'))
  t.end()
})
