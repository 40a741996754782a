import fc from 'fast-check'
import t from 'tap'
import { forwardedPath, normalisePath } from '../../../src/l7/uri/normalise-path.ts'

const keep = { encodedSlash: 'keep', mergeSlashes: true, semicolons: 'keep' } as const
const apart = { encodedSlash: 'refuse', mergeSlashes: false, semicolons: 'keep' } as const

t.test('a path in normal form is returned itself', async (t) => {
  for (const path of [
    '/',
    '/a',
    '/a/',
    '/a/b.c/d..e/...',
    '/a;v=1/b',
    '/~user/(x)!$&\'*+,=:@|{}^"<>`[]',
    '/.well-known/x',
    '/..a',
    '/.a.'
  ]) {
    t.equal(normalisePath(path), path)
  }
})

t.test('equivalent paths have one form', async (t) => {
  const forms: [string, string][] = [
    ['/./a', '/a'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/b/../', '/a/'],
    ['/a/./b/../c', '/a/c'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/%2e/a', '/a'],
    ['//a', '/a'],
    ['/a///b//', '/a/b/'],
    ['//', '/'],
    ['/a//../b', '/b'],
    ['/%7euser', '/~user'],
    ['/%41%2D%5f', '/A-_'],
    ['/%c3%a9', '/%C3%A9'],
    ['/a%20b', '/a%20b'],
    ['/a%3fb%23c', '/a%3Fb%23c'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/%2541', '/%2541'],
    ['/a/..b', '/a/..b']
  ]
  for (const [raw, normal] of forms) t.equal(normalisePath(raw), normal, raw)
})

t.test('what servers read differently is refused', async (t) => {
  const attacks = [
    '',
    'a',
    '*',
    '/..',
    '/../',
    '/../etc/passwd',
    '/a/../../b',
    '/%2e%2e/',
    '/.%2e/x',
    '/a/%2e%2e/%2e%2e/b',
    '/a%2fb',
    '/a%2Fb',
    '/..%2f..%2fetc/passwd',
    '/a%5cb',
    '/..%5c..%5cwindows',
    '/a\\b',
    '/..\\..\\x',
    '/%00',
    '/a%00.jpg',
    '/%',
    '/%2',
    '/a%zz',
    '/%u002e%u002e/',
    '/%-1',
    '/a%2',
    '/..;/admin',
    '/a/..;x=1/b',
    '/.;/a',
    '/..%3b/admin',
    '/%2e%2e;/a',
    '/%c0%ae%c0%ae/',
    '/%c0%af',
    '/%c1%9c',
    '/%e0%80%af',
    '/%f0%80%80%af',
    '/a#b',
    '/a b',
    '/a\tb',
    '/a\x00',
    '/a\x7f',
    '/é',
    '/\u2025/'
  ]
  for (const path of attacks) t.equal(normalisePath(path), undefined, JSON.stringify(path))
})

t.test('encoded slashes pass where the policy keeps them', async (t) => {
  t.equal(normalisePath('/projects/a%2fb', keep), '/projects/a%2Fb')
  t.equal(normalisePath('/a%5cb', keep), '/a%5Cb')
  t.equal(normalisePath('/..%2fa', keep), '/..%2Fa')
  t.equal(normalisePath('/../a%2fb', keep), undefined)
})

t.test('slashes stay apart where the policy does not merge them', async (t) => {
  t.equal(normalisePath('//a///b', apart), '/a///b', 'at the start they would be a host')
  t.equal(normalisePath('/a//../b', apart), '/a/b')
  t.equal(normalisePath('/a/./b', apart), '/a/b')
})

t.test(
  'the client’s own path is forwarded unless dots or a leading double slash make it ambiguous',
  async (t) => {
    const sent = (raw: string): string => forwardedPath(raw, normalisePath(raw)!)
    for (const raw of ['/', '/a%7Eb', '/%c3%a9', '/a//b', '/web/https://example.com/', '/a..b/...', '/%2ea'])
      t.equal(sent(raw), raw)
    t.equal(sent('/a/../b'), '/b')
    t.equal(sent('/a/%2E%2e/b%7e'), '/b~')
    t.equal(sent('/a/%2e'), '/a/')
    t.equal(sent('//evil.example/x'), '/evil.example/x')
  }
)

const piece = fc.constantFrom(
  '/',
  '//',
  '.',
  '..',
  'a',
  '%2e',
  '%2E',
  '%41',
  '%7e',
  '%20',
  '%2f',
  '%',
  '%00',
  ';',
  '\\',
  '%25',
  'b'
)
const path = fc.array(piece, { maxLength: 12 }).map((pieces) => '/' + pieces.join(''))

t.test('normalising is idempotent and leaves nothing to resolve', async (t) => {
  fc.assert(
    fc.property(path, (raw) => {
      const normal = normalisePath(raw)
      if (normal === undefined) return true
      const segments = normal.slice(1).split('/')
      return (
        normalisePath(normal) === normal &&
        normal.startsWith('/') &&
        !normal.includes('//') &&
        !segments.includes('.') &&
        !segments.includes('..') &&
        !/%2e|%2f|%00|\\/i.test(normal)
      )
    }),
    { numRuns: 20_000 }
  )
  t.pass('20,000 paths')
})

t.test('the path that is forwarded is routed as the one received', async (t) => {
  fc.assert(
    fc.property(path, (raw) => {
      const normal = normalisePath(raw)
      return normal === undefined || normalisePath(forwardedPath(raw, normal)) === normal
    }),
    { numRuns: 20_000 }
  )
  t.pass('20,000 paths')
})

t.test('paths without empty segments resolve as WHATWG URL resolves them', async (t) => {
  const plain = fc.array(fc.constantFrom('a', 'b', '.', '..', '%2e', '%2E.'), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(plain, fc.boolean(), (segments, slash) => {
      const raw = '/' + segments.join('/') + (slash ? '/' : '')
      const normal = normalisePath(raw)
      return normal === undefined || normal === new URL(raw, 'http://x').pathname
    }),
    { numRuns: 5000 }
  )
  t.pass('5,000 paths')
})

t.test('parameters of segments are refused or left out where the policy says so', async (t) => {
  const strip = { ...keep, semicolons: 'strip' } as const
  t.equal(normalisePath('/admin;x=1', strip), '/admin')
  t.equal(normalisePath('/a;x/b;y=%2f/c', strip), '/a/b/c')
  t.equal(normalisePath('/;x/admin', strip), '/admin')
  t.equal(normalisePath('/a/..;x/b', strip), undefined, 'dots that it would show')
  t.equal(normalisePath('/a', strip), '/a')
  t.equal(normalisePath('/a;x', { ...keep, semicolons: 'refuse' }), undefined)
  t.equal(normalisePath('/a;x', keep), '/a;x')
})
