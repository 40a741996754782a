import type { FieldList } from './fields.ts'
import type { Ask } from './client.ts'

/** What a response's fields may be made of: dates relative to now, in seconds. */
export interface Dates {
  date(seconds?: number): string
}

/** Asked twice, `pause` seconds apart (3): is the second answer the stored first one? */
export interface ResponseCase {
  readonly title: string
  readonly response: FieldList | ((dates: Dates) => FieldList)
  readonly status?: number
  readonly first?: Ask
  readonly second?: Ask
  readonly pause?: number
  readonly reused: boolean
}

const cc = (value: string): FieldList => [['Cache-Control', value]]

/** By what they are about; run against the policy alone and through a running lb. */
export const responseCases: Readonly<Record<string, () => readonly ResponseCase[]>> = {
  'Cache-Control decides how long a response is reused': () => {
    return [
      { title: 'nothing said', response: [], reused: false },
      { title: 'max-age', response: cc('max-age=3600'), reused: true },
      { title: 'max-age over', response: cc('max-age=2'), reused: false },
      { title: 'max-age=0', response: cc('max-age=0'), reused: false },
      { title: '2^31 and more', response: cc('max-age=99999999999'), reused: true },
      { title: 'quoted', response: cc('max-age="3600"'), reused: true },
      { title: 'single-quoted', response: cc("max-age='3600'"), reused: false },
      { title: 'negative', response: cc('max-age=-3600'), reused: false },
      { title: 'trailing letter', response: cc('max-age=3600a'), reused: false },
      { title: 'decimal', response: cc('max-age=3600.0'), reused: false },
      { title: 'leading zeros', response: cc('max-age=003600'), reused: true },
      { title: 'space after =', response: cc('max-age= 3600'), reused: false },
      { title: 'space before =', response: cc('max-age =3600'), reused: false },
      { title: 'any case', response: cc('MaX-aGe=3600'), reused: true },
      { title: 'unknown directive', response: cc('foobar, max-age=3600'), reused: true },
      {
        title: 'name in a quoted string',
        response: cc('extension="max-age=3600", max-age=1'),
        reused: false
      },
      { title: 'quoted comma', response: cc('extension="a, no-store", max-age=3600'), reused: true },
      { title: 'the first of two counts', response: cc('max-age=1, max-age=1800'), reused: false },
      { title: 's-maxage', response: cc('s-maxage=3600'), reused: true },
      { title: 's-maxage before max-age', response: cc('max-age=3600, s-maxage=1'), reused: false },
      { title: 's-maxage longer', response: cc('max-age=0, s-maxage=3600'), reused: true },
      {
        title: 's-maxage in another line',
        response: [...cc('max-age=3600'), ...cc('s-maxage=1')],
        reused: false
      },
      { title: 'no-store', response: cc('max-age=3600, No-StOrE'), reused: false },
      { title: 'private', response: cc('private, max-age=3600'), reused: false },
      { title: 'private with names', response: cc('private="x-a", max-age=3600'), reused: true },
      {
        title: 'private with names that cannot be read',
        response: cc('private= "x-a", max-age=3600'),
        reused: false
      },
      { title: 'private with an open quote', response: cc('max-age=3600, private="x-a'), reused: false },
      { title: 'private with nothing named', response: cc('private="", max-age=3600'), reused: false },
      { title: 'no-cache', response: cc('no-cache, max-age=3600'), reused: false },
      {
        title: 'no-cache with a space before =',
        response: cc('no-cache ="x-a", max-age=3600'),
        reused: false
      },
      { title: 'must-revalidate while fresh', response: cc('max-age=3600, must-revalidate'), reused: true },
      { title: 'immutable', response: cc('max-age=3600, immutable'), reused: true },
      {
        title: 'must-understand and known',
        response: cc('max-age=60, no-store, must-understand'),
        reused: true
      },
      {
        title: 'must-understand and unknown',
        status: 599,
        response: cc('max-age=60, no-store, must-understand'),
        reused: false
      },
      { title: 'an unknown status', status: 599, response: cc('max-age=60'), reused: true },
      { title: 'an error', status: 503, response: cc('max-age=60'), reused: true },
      { title: 'too many directives', response: cc(`${'x,'.repeat(70)}max-age=60`), reused: false }
    ]
  },

  'Age counts, and its first value when there are several': () => {
    const aged = (age: string): FieldList => [...cc('max-age=3600'), ['Age', age]]
    return [
      { title: 'old', response: aged('7200'), reused: false },
      { title: 'huge', response: aged('2147483649'), reused: false },
      { title: 'not a number', response: aged('abc'), reused: true },
      { title: 'negative', response: aged('-7200'), reused: true },
      { title: 'decimal', response: aged('7200.0'), reused: true },
      { title: 'old first', response: aged('7200, 0'), reused: false },
      { title: 'old second', response: aged('0, 7200'), reused: true },
      { title: 'with a parameter', response: aged('7200;foo=bar'), reused: false },
      { title: 'old Date', response: (c) => [...cc('max-age=3600'), ['Date', c.date(-7200)]], reused: false }
    ]
  },

  'Expires is read against Date, and anything that is no date has passed': () => {
    const at = (expires: number, date: number, more: FieldList = []) => {
      return (c: Dates): FieldList => [['Expires', c.date(expires)], ['Date', c.date(date)], ...more]
    }
    const text =
      (expires: string) =>
      (c: Dates): FieldList => [
        ['Expires', expires],
        ['Date', c.date()]
      ]
    return [
      { title: 'ahead', response: at(3600, 0), reused: true },
      { title: 'past', response: at(-3600, 0), reused: false },
      { title: 'now', response: at(0, 0), pause: 0, reused: false },
      { title: 'before a Date that is ahead', response: at(300, 400), reused: false },
      { title: '0', response: text('0'), reused: false },
      { title: 'rfc850', response: text('Thursday, 18-Aug-50 02:01:18 GMT'), reused: true },
      { title: 'asctime', response: text('Thu Aug 18 02:01:18 2050'), reused: true },
      { title: 'other case', response: text('THU, 18 AUG 2050 02:01:18 gMT'), reused: true },
      { title: 'UTC', response: text('Thu, 18 Aug 2050 02:01:18 UTC'), reused: false },
      { title: 'one-digit hour', response: text('Thu, 18 Aug 2050 2:01:18 GMT'), reused: false },
      {
        title: 'Date invalid',
        response: (c) => [
          ['Expires', c.date(10)],
          ['Date', 'foo']
        ],
        reused: true
      },
      { title: 'old by Age, slow Date', response: at(10, -10, [['Age', '25']]), pause: 0, reused: false },
      { title: 'old by Age, fast Date', response: at(20, 10, [['Age', '15']]), pause: 0, reused: false },
      { title: 'max-age first', response: at(-3600, 0, cc('max-age=3600')), reused: true },
      { title: 'max-age=0 first', response: at(3600, 0, cc('max-age=0')), reused: false }
    ]
  },

  'Without a lifetime a tenth of the time since Last-Modified is taken, for some statuses': () => {
    const modified = (more: FieldList = []) => {
      return (c: Dates): FieldList => [['Last-Modified', c.date(-86400)], ['Date', c.date()], ...more]
    }
    const reused = [200, 203, 204, 404, 405, 410, 414, 501]
    const not = [201, 202, 403, 502, 503, 504, 599]
    return [
      ...reused.map((status) => ({ title: `${status}`, status, response: modified(), reused: true })),
      ...not.map((status) => ({ title: `${status}`, status, response: modified(), reused: false })),
      { title: '599 with public', status: 599, response: modified(cc('public')), reused: true },
      {
        title: 'modified just now',
        response: (c) => [
          ['Last-Modified', c.date(-5)],
          ['Date', c.date()]
        ],
        reused: false
      }
    ]
  },

  'CDN-Cache-Control goes before Cache-Control and Expires when it is a valid dictionary': () => {
    const cdn = (value: string, more: FieldList = []): FieldList => [['CDN-Cache-Control', value], ...more]
    return [
      { title: 'max-age', response: cdn('max-age=3600'), reused: true },
      { title: 'large', response: cdn('max-age=99999999999'), reused: true },
      { title: 'max-age=0', response: cdn('max-age=0', cc('max-age=3600')), reused: false },
      { title: 'old', response: cdn('max-age=3600', [['Age', '7200']]), reused: false },
      { title: 'unknown member', response: cdn('foobar, max-age=3600'), reused: true },
      { title: 'with parameters', response: cdn('max-age=3600;a=1, b=("x" y);c'), reused: true },
      { title: 'longer', response: cdn('max-age=3600', cc('max-age=1')), reused: true },
      { title: 'shorter', response: cdn('max-age=1', cc('max-age=3600')), reused: false },
      { title: 'over no-store', response: cdn('max-age=3600', cc('no-store')), reused: true },
      { title: 'no-store', response: cdn('no-store', cc('max-age=3600')), reused: false },
      { title: 'private', response: cdn('private', cc('max-age=3600')), reused: false },
      { title: 'no-cache', response: cdn('no-cache', cc('max-age=3600')), reused: false },
      { title: 'not a dictionary', response: cdn('max-age=10000, &&&&&', cc('no-store')), reused: false },
      { title: 'a string', response: cdn('max-age="10000"', cc('no-store')), reused: false },
      {
        title: 'invalid, so the other counts',
        response: cdn('max-age=1,', cc('max-age=3600')),
        reused: true
      },
      { title: 'a space', response: cdn('max-age= 100', cc('max-age=1')), reused: false }
    ]
  },

  'What belongs to one client is not stored': () => {
    const login: Ask = { fields: [['Authorization', 'Basic x']] }
    const cookie = (more: FieldList): FieldList => [['Set-Cookie', 'a=b'], ...more]
    const as = (title: string, value: string, reused: boolean): ResponseCase => {
      return { title, first: login, second: {}, response: cc(value), reused }
    }
    return [
      as('Authorization', 'max-age=3600', false),
      as('Authorization and public', 'max-age=3600, public', true),
      as('Authorization and must-revalidate', 'max-age=3600, must-revalidate', true),
      as('Authorization and s-maxage', 's-maxage=3600', true),
      { title: 'Set-Cookie and max-age', response: cookie(cc('max-age=3600')), reused: false },
      { title: 'Set-Cookie and Expires', response: (c) => cookie([['Expires', c.date(60)]]), reused: false },
      { title: 'Set-Cookie and nothing else', response: cookie([]), reused: false },
      {
        title: 'Set-Cookie and a guess',
        response: (c) => cookie([['Last-Modified', c.date(-86400)]]),
        reused: false
      },
      { title: 'Set-Cookie and private', response: cookie(cc('private, max-age=3600')), reused: false },
      {
        title: 'Set-Cookie of what is validated each time',
        response: cookie([...cc('max-age=0'), ['ETag', '"a"']]),
        reused: false
      },
      { title: 'Set-Cookie and public', response: cookie(cc('public, max-age=3600')), reused: true },
      { title: 'Set-Cookie and s-maxage', response: cookie(cc('s-maxage=3600')), reused: true },
      {
        title: 'Set-Cookie taken out',
        response: cookie(cc('max-age=60, no-cache="set-cookie"')),
        reused: true
      },
      {
        title: 'Cookie of a later request',
        response: cc('max-age=60'),
        second: { fields: [['Cookie', 'a=b']] },
        reused: true
      }
    ]
  },

  'Requests may ask for less or more than fresh': () => {
    const saying = (value: string): Ask => ({ fields: [['Cache-Control', value]] })
    const to = (title: string, response: FieldList, request: string, reused: boolean): ResponseCase => {
      return { title, response, first: {}, second: saying(request), reused }
    }
    return [
      to('max-age=0', cc('max-age=3600'), 'max-age=0', false),
      to('max-age below the age', [...cc('max-age=3600'), ['Age', '1800']], 'max-age=600', false),
      to('max-age above the age', cc('max-age=3600'), 'max-age=600', true),
      to('max-stale', cc('max-age=1'), 'max-stale=1000', true),
      to('max-stale without a number', cc('max-age=1'), 'max-stale', true),
      to('max-stale too short', cc('max-age=1'), 'max-stale=1', false),
      to('max-stale and must-revalidate', cc('max-age=1, must-revalidate'), 'max-stale', false),
      to('min-fresh', cc('max-age=1500'), 'min-fresh=2000', false),
      to('min-fresh met', cc('max-age=1500'), 'min-fresh=1000', true),
      to('no-cache', cc('max-age=3600'), 'no-cache', false),
      to('no-store', cc('max-age=3600'), 'no-store', false),
      to('an unknown word', cc('max-age=3600'), 'nothing-to-see-here', true),
      {
        title: 'Pragma',
        response: cc('max-age=60'),
        first: {},
        second: { fields: [['Pragma', 'no-cache']] },
        reused: false
      },
      {
        title: 'other Pragma',
        response: cc('max-age=60'),
        first: {},
        second: { fields: [['Pragma', 'foo']] },
        reused: true
      }
    ]
  },

  'Vary selects by the values of the request, normalised': () => {
    const varying = (vary: string, more: FieldList = []): FieldList => [
      ...cc('max-age=60'),
      ['Vary', vary],
      ...more
    ]
    const asking = (...list: [string, string][]): Ask => ({ fields: list })
    const language = (value: string) => asking(['Accept-Language', value])
    const of = (title: string, vary: FieldList, first: Ask, second: Ask, reused: boolean): ResponseCase => {
      return { title, response: vary, first, second, reused }
    }
    const foo = varying('Foo')
    return [
      of('same', foo, asking(['Foo', '1']), asking(['Foo', '1']), true),
      of('other', foo, asking(['Foo', '1']), asking(['Foo', '2']), false),
      of('absent in the second', foo, asking(['Foo', '1']), {}, false),
      of('absent in the first', foo, {}, asking(['Foo', '1']), false),
      of('empty is not absent', foo, {}, asking(['Foo', '']), false),
      of('absent in both', varying('Foo, Bar'), asking(['Foo', '1']), asking(['Foo', '1']), true),
      of('not listed', foo, asking(['Foo', '1'], ['Other', '2']), asking(['Foo', '1'], ['Other', '3']), true),
      of('one of three', varying('Foo, Bar, Baz'), asking(['Bar', 'abc']), asking(['Bar', 'abcd']), false),
      of('lines combined', foo, asking(['Foo', '1, 2']), asking(['Foo', '1'], ['Foo', '2']), true),
      of('white space', foo, asking(['Foo', '1,2']), asking(['Foo', ' 1, 2 ']), true),
      of('language order', varying('Accept-Language'), language('en, de'), language('de, en'), true),
      of('language case', varying('Accept-Language'), language('en, de'), language('eN, De'), true),
      of('language weight', varying('Accept-Language'), language('en, de'), language('en, de;q=0.5'), false),
      of(
        'language of the content',
        varying('Accept-Language', [['Content-Language', 'de']]),
        language('en, de'),
        language('fr;q=0.5, de;q=1.0'),
        true
      ),
      of('star', varying('*'), asking(['Foo', '1']), asking(['Foo', '1']), false),
      of('star in a list', varying('Foo, *'), asking(['Foo', '1']), asking(['Foo', '1']), false)
    ]
  }
}
