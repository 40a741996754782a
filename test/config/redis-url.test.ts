import t from 'tap'
import { parseRedisUrl } from '../../src/config/redis-url.ts'

t.test('each form of a URL says what is meant', (t) => {
  const node = (host: string, port: number) => ({ host, port })
  for (const [url, place] of [
    ['redis://h', { kind: 'server', nodes: [node('h', 6379)], tls: false, db: 0 }],
    [
      'redis://u:p%40@[::1]:7/3',
      { kind: 'server', nodes: [node('::1', 7)], tls: false, username: 'u', password: 'p@', db: 3 }
    ],
    ['rediss://:a:b@h/', { kind: 'server', nodes: [node('h', 6379)], tls: true, password: 'a:b', db: 0 }],
    ['unix:/run/r.sock', { kind: 'server', path: '/run/r.sock', nodes: [], tls: false, db: 0 }],
    [
      'redis+sentinel://:p@a,b:1/main/2?sentinelPassword=s',
      {
        kind: 'sentinel',
        nodes: [node('a', 26379), node('b', 1)],
        master: 'main',
        tls: false,
        password: 'p',
        sentinelPassword: 's',
        db: 2
      }
    ],
    ['rediss+cluster://a,b:2', { kind: 'cluster', nodes: [node('a', 6379), node('b', 2)], tls: true, db: 0 }]
  ] as const)
    t.strictSame(parseRedisUrl(url), place, url)
  t.end()
})

t.test('texts that cannot be URLs are refused', (t) => {
  for (const url of [
    'redis://',
    'redis://h:0',
    'redis://h:65536',
    'redis://a,b',
    'redis://h/x',
    'redis://h/1/2',
    'redis://h?x=1',
    'redis://%ZZ@h',
    'redis+sentinel://a',
    'redis+sentinel://a/',
    'redis+sentinel://a/main?other=1',
    'redis+cluster://a/1',
    'redis+what://a',
    'unix:relative',
    'http://h',
    `redis+cluster://${Array.from({ length: 65 }, () => 'h').join(',')}`
  ])
    t.equal(parseRedisUrl(url), undefined, url)
  t.end()
})
