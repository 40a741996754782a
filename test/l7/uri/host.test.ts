import fc from 'fast-check'
import t from 'tap'
import { hostName, parseHost } from '../../../src/l7/uri/target.ts'

t.test('names are lower-cased and lose port and root dot', async (t) => {
  t.same(parseHost('Example.COM:8080'), { name: 'example.com', port: 8080 })
  t.same(parseHost('example.com.'), { name: 'example.com', port: undefined })
  t.same(parseHost('example.com.:80'), { name: 'example.com', port: 80 })
  t.same(parseHost('a_b-c.d~e'), { name: 'a_b-c.d~e', port: undefined })
  t.same(parseHost('127.0.0.1:65535'), { name: '127.0.0.1', port: 65535 })
  t.same(parseHost('[2001:DB8::1]:443'), { name: '2001:db8::1', port: 443 })
  t.same(parseHost('[::1]'), { name: '::1', port: undefined })
  t.same(parseHost('x:'), { name: 'x', port: undefined })
  t.same(parseHost('x:1'), { name: 'x', port: 1 })
})

t.test('an invalid host is refused', async (t) => {
  const bad = [
    '',
    ' ',
    ':',
    ':80',
    '.',
    '..',
    '.a',
    'a..',
    'a b',
    ' a',
    'a ',
    'u@a',
    'u:p@a',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'a,b',
    'a;b',
    'a:65536',
    'a:-1',
    'a:+1',
    'a:1x',
    'a:80:80',
    'a:000080',
    '::1',
    '[::1',
    '[]',
    '[::1]x',
    '[::1]:x',
    '[1.2.3.4]',
    '[v1.x]',
    '[fe80::1%25eth0]',
    'a%2eb',
    'a\x00',
    'a\r',
    'é',
    'a"b',
    "a'b",
    'a<b',
    '*',
    'http://a',
    'a'.repeat(256)
  ]
  for (const text of bad) t.equal(parseHost(text), undefined, JSON.stringify(text))
})

t.test('hostName and parseHost agree, and a name that passes is what URL makes of it', async (t) => {
  const text = fc.stringMatching(/^[a-cA-C.:[\]@ 0-9-]{0,12}$/)
  fc.assert(
    fc.property(text, (host) => hostName(host) === parseHost(host)?.name),
    { numRuns: 5000 }
  )
  const name = fc.array(fc.stringMatching(/^[a-zA-Z]([a-z0-9]{0,5}[a-z])?$/), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(
      name,
      (labels) => hostName(labels.join('.') + ':81') === new URL(`http://${labels.join('.')}:81/`).hostname
    )
  )
  t.pass('5,100 hosts')
})
