import fc from 'fast-check'
import CachePolicy from 'http-cache-semantics'
import t from 'tap'
import { makeEntry } from '../../../src/l7/cache/fetch/make-entry.ts'
import { parseCacheControl } from '../../../src/l7/cache/policy/cache-control.ts'
import { freshnessLifetime } from '../../../src/l7/cache/policy/freshness.ts'
import { responseDirectives } from '../../../src/l7/cache/policy/response-directives.ts'
import { currentAge } from '../../../src/l7/cache/policy/reuse.ts'
import { whyNotStorable } from '../../../src/l7/cache/policy/storable.ts'
import { routeCache } from './support/client.ts'
import { fields } from './support/fields.ts'

/**
 * http-cache-semantics as the oracle, as a shared cache. Where the two differ on purpose (docs/cache.md, "Differences")
 * the generator stays away: Date is now or absent, Last-Modified is not too long ago, no Set-Cookie, no invalid values.
 * `stale()` is asked, since `satisfiesWithoutRevalidation` revalidates what is fresh under must-revalidate.
 */
const start = Date.UTC(2026, 10, 20)

const seconds = fc.oneof(fc.constantFrom(0, 1, 10, 60, 3600), fc.nat(100_000))
const directive = fc.oneof(
  seconds.map((value) => `max-age=${value}`),
  seconds.map((value) => `s-maxage=${value}`),
  fc.constantFrom(
    'public',
    'no-store',
    'private',
    'must-revalidate',
    'immutable',
    'foo',
    'foo="a, b"',
    'no-transform'
  )
)
const response = fc.record(
  {
    // Statuses that both know; the oracle refuses to store what it does not list.
    status: fc.constantFrom(200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 501),
    control: fc.uniqueArray(directive, { maxLength: 4, selector: (text) => text.split('=')[0] }),
    age: fc.option(fc.nat(5000), { nil: undefined }),
    date: fc.option(fc.constant(0), { nil: undefined }),
    expires: fc.option(fc.integer({ min: -5000, max: 100_000 }), { nil: undefined }),
    modified: fc.option(fc.integer({ min: -800_000, max: -1 }), { nil: undefined }),
    authorization: fc.boolean(),
    after: fc.nat(100_000)
  },
  { requiredKeys: ['status', 'control', 'authorization', 'after'] }
)

t.test('storability and freshness agree with http-cache-semantics', (t) => {
  const realNow = Date.now
  t.teardown(() => void (Date.now = realNow))
  let stored = 0
  let fresh = 0
  fc.assert(
    fc.property(response, (sample) => {
      const at = (offset: number) => new Date(start + offset * 1000).toUTCString()
      const list: [string, string][] = []
      if (sample.control.length > 0) list.push(['cache-control', sample.control.join(', ')])
      if (sample.age !== undefined) list.push(['age', String(sample.age)])
      if (sample.date !== undefined) list.push(['date', at(sample.date)])
      if (sample.expires !== undefined) list.push(['expires', at(sample.expires)])
      if (sample.modified !== undefined) list.push(['last-modified', at(sample.modified)])
      const requestList: [string, string][] = sample.authorization ? [['authorization', 'x']] : []

      Date.now = () => start
      const oracle = new CachePolicy(
        { url: '/', method: 'GET', headers: Object.fromEntries(requestList) },
        { status: sample.status, headers: Object.fromEntries(list) },
        { shared: true, cacheHeuristic: 0.1, immutableMinTimeToLive: 0 }
      )
      const answer = { status: sample.status, headers: fields(list) }
      const request = {
        method: 'GET',
        scheme: 'http' as const,
        host: 'a',
        path: '/',
        query: '',
        headers: fields(requestList)
      }
      const directives = responseDirectives(answer.headers)
      const lifetime = freshnessLifetime(answer, directives, routeCache, start)
      const why = whyNotStorable(
        request,
        parseCacheControl(undefined),
        answer,
        directives,
        lifetime,
        'explicit'
      )

      const entry = makeEntry(
        answer,
        directives,
        lifetime,
        { requestTime: start, responseTime: start, storedAt: start },
        undefined,
        'body'
      )
      const later = start + sample.after * 1000
      const ours = why === undefined && currentAge(entry, later) < entry.lifetime
      Date.now = () => later
      const theirs = oracle.storable() && !oracle.stale()
      if (ours) fresh++
      if (why === undefined) stored++
      const what = () => `${why}: ${JSON.stringify({ ...sample, list })}`
      if (ours !== theirs) throw new Error(`ours ${ours}, theirs ${theirs}, ${what()}`)
      // What could never be used is not stored here.
      if (why !== 'no-lifetime' && (why === undefined) !== oracle.storable())
        throw new Error(`stored ${what()}`)
    }),
    { numRuns: 5_000, seed: 7 }
  )
  t.ok(stored > 500 && fresh > 250, `${stored} stored, ${fresh} fresh`)
  t.end()
})
