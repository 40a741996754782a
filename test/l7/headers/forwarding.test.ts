import t from 'tap'
import { HeaderBlock } from '../../../src/l7/message/header-block.ts'
import { ForwardedWriter } from '../../../src/l7/stages/forwarding/forwarding.ts'
import { isWordOfProxy } from '../../../src/l7/http1/parse/proxy-word.ts'
import { SEEN_SHIFT, fieldMarks } from '../../../src/l7/http2/hpack/field-marks.ts'
import { dropForwardingFields, FORWARDING_FIELDS } from '../../../src/l7/headers/forwarding-fields.ts'
import { dropConnectionNamed, mayDrop } from '../../../src/l7/headers/hop-by-hop.ts'
import { SEEN_X } from '../../../src/l7/message/seen.ts'
import { parsedRequest, parseRequest } from '../../../src/l7/http1/parse/request-parser.ts'
import { isLoop, viaLine, viaPseudonym } from '../../../src/l7/headers/via.ts'

const writer = (peer = '192.0.2.1', scheme: 'http' | 'https' = 'http'): ForwardedWriter =>
  new ForwardedWriter({ peer, scheme })

t.test('a request without forwarding fields gets them', async (t) => {
  const one = writer()
  const lines = one.lines('example.com')
  t.equal(
    lines,
    'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: example.com\r\nForwarded: for=192.0.2.1;host=example.com;proto=http\r\n'
  )
  t.equal(one.lines('example.com'), lines)
  t.match(one.lines('other'), /host=other;/)
})

t.test('a value that is not a token is quoted in Forwarded', async (t) => {
  t.match(
    writer('2001:db8::1', 'https').lines('example.com:8443'),
    'Forwarded: for="[2001:db8::1]";host="example.com:8443";proto=https\r\n'
  )
  t.match(
    writer('').lines(''),
    'X-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\nForwarded: for=unknown;proto=http\r\n'
  )
})

t.test('an untrusted peer’s forwarding fields are overwritten, whichever they are', async (t) => {
  const spoofed = FORWARDING_FIELDS.map((name) => `${name.toUpperCase()}: 6.6.6.6\r\n`).join('')
  const headers = new HeaderBlock(`Accept: */*\r\n${spoofed}X-Own: 1\r\nx-forwarded-for: 7.7.7.7\r\n`)
  const one = writer()
  t.equal(one.replace(headers, 'example.com', false), one.lines('example.com'))
  t.equal(headers.text, 'Accept: */*\r\nX-Own: 1\r\n')
})

t.test('addresses and certificates that other proxies tell, in every spelling, are not believed from a client', (t) => {
  const names = ['Forwarded-For', 'CF-Connecting-IPv6', 'CF-Pseudo-IPv4', 'X-Envoy-External-Address', 'X-ProxyUser-Ip']
  const more = ['X-SSL-Client-Cert', 'X-HTTP-Host-Override']
  for (const name of [...names, ...more]) {
    for (const spelled of [name, name.toLowerCase(), name.replaceAll('-', '_'), name.replace('-', '_')]) {
      const headers = new HeaderBlock(`${spelled}: 6.6.6.6\r\n`)
      dropForwardingFields(headers)
      t.equal(headers.text, '', spelled)
      t.equal(isWordOfProxy(Buffer.from(`${spelled}: 6`), 0), true, `the parser notes ${spelled}`)
      t.not(fieldMarks(spelled.toLowerCase()) >>> SEEN_SHIFT, 0, `and that of HTTP/2`)
    }
  }
  t.end()
}) // prettier-ignore

t.test('names that begin like them stay', (t) => {
  const lines = 'Clientele: 1\r\nClient-Id: 2\r\nCf: 3\r\nFrontend: 4\r\nX-Hosted: 5\r\nCookie: a=1\r\n'
  const headers = new HeaderBlock(lines)
  dropForwardingFields(headers)
  t.equal(headers.text, lines)
  t.end()
})

t.test('names that only look like them stay, and underscores are no way around', async (t) => {
  const headers = new HeaderBlock(
    'X-Forwardedx: 1\r\nX-For: 2\r\nFrom: f\r\nX_Forwarded_For: 6.6.6.6\r\nx_real-ip: 6\r\nX-Own: 3\r\n'
  )
  dropForwardingFields(headers)
  t.equal(headers.text, 'X-Forwardedx: 1\r\nX-For: 2\r\nFrom: f\r\nX-Own: 3\r\n')
})

t.test('disguised fields from a trusted peer are removed too', async (t) => {
  const headers = new HeaderBlock(
    'X_Forwarded_For: 6.6.6.6\r\nX-Real-IP: 7\r\nX.Request.Id: 1\r\nX-Request-Id: 2\r\n'
  )
  dropForwardingFields(headers, true)
  t.equal(headers.text, 'X-Real-IP: 7\r\nX-Request-Id: 2\r\n')
})

t.test('a trusted peer’s lists are appended to, and its scheme and host stay', async (t) => {
  const headers = new HeaderBlock(
    'X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-For: 10.0.0.2\r\nForwarded: for=203.0.113.5;proto=https\r\nX-Real-IP: 203.0.113.5\r\n'
  )
  const lines = writer('10.0.0.1').replace(headers, 'inner', true)
  t.equal(
    lines,
    'X-Forwarded-For: 203.0.113.5, 10.0.0.2, 10.0.0.1\r\nForwarded: for=203.0.113.5;proto=https, for=10.0.0.1;host=inner;proto=http\r\n'
  )
  t.equal(
    headers.text,
    'X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Real-IP: 203.0.113.5\r\n'
  )
})

t.test('Forwarded does not begin half-way, and missing fields of a trusted peer are filled in', async (t) => {
  const headers = new HeaderBlock('X-Forwarded-For: 203.0.113.5\r\n')
  t.equal(
    writer('10.0.0.1').replace(headers, 'inner', true),
    'X-Forwarded-For: 203.0.113.5, 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: inner\r\n'
  )
  const only = new HeaderBlock('Forwarded: for=203.0.113.5\r\n')
  t.match(
    writer('10.0.0.1').replace(only, 'h', true),
    /^X-Forwarded-For: 10\.0\.0\.1\r\n[^]*Forwarded: for=203\.0\.113\.5, for=10\.0\.0\.1;/
  )
})

t.test('a list beyond the bound is dropped', async (t) => {
  const headers = new HeaderBlock(`X-Forwarded-For: ${'203.0.113.5, '.repeat(200)}1.1.1.1\r\n`)
  t.match(writer('10.0.0.1').replace(headers, 'h', true), /^X-Forwarded-For: 10\.0\.0\.1\r\n/)
  t.equal(headers.text, '')
})

t.test('fields that Connection names are dropped, except those that others rely on', async (t) => {
  const headers = new HeaderBlock(
    'X-Hop: 1\r\nX-Forwarded-For: 1\r\nAuthorization: x\r\nX-Keep: 1\r\nx-hop: 2\r\n'
  )
  dropConnectionNamed(headers, 'x-hop, x-forwarded-for,  authorization, , x-none')
  t.equal(headers.text, 'X-Forwarded-For: 1\r\nAuthorization: x\r\nX-Keep: 1\r\n')
  dropConnectionNamed(headers, '')
  t.equal(headers.text, 'X-Forwarded-For: 1\r\nAuthorization: x\r\nX-Keep: 1\r\n')
  for (const name of ['host', 'content-length', 'via', 'x-forwarded-anything', 'cookie', ''])
    t.notOk(mayDrop(name), name)
})

t.test('however many names Connection has, all of them are dropped', async (t) => {
  const names = Array.from({ length: 2000 }, (_, i) => `x-${i}`)
  const headers = new HeaderBlock('X-1999: a\r\nAccept: b\r\nx-17: c\r\nX-2000: d\r\n')
  dropConnectionNamed(headers, names.join(', '))
  t.equal(headers.text, 'Accept: b\r\nX-2000: d\r\n')
})

t.test('a request that passes a fourth time is a loop', async (t) => {
  const own = viaPseudonym(Buffer.from('4f2a91c0', 'hex'))
  t.equal(viaLine('1.1', own), 'Via: 1.1 lb-4f2a91c0\r\n')
  t.match(viaPseudonym(), /^lb-[0-9a-f]{8}$/)
  const via = (times: number): string =>
    Array.from({ length: times }, () => `1.1 ${own}`).join(', 1.1 other (x), ')
  t.notOk(isLoop(via(2), own))
  t.ok(isLoop(via(3), own))
  t.notOk(isLoop(`1.1 x${own}, 1.1 ${own}-b, 1.1 ${own}x, 1.1 lb-00000000`.repeat(2), own))
  t.ok(isLoop('1.1 a, '.repeat(1000), own), 'nobody has a thousand proxies')
})

t.test('what only a proxy may say is removed from a peer that is not trusted, in any spelling', (t) => {
  const names = [
    'X-Forwarded-User',
    'X-Forwarded-Client-Cert',
    'X-Forwarded-Whatever-Comes',
    'X-Forwarded',
    'X_Forwarded_User',
    'X.Forwarded.For',
    'True-Client-IP',
    'True_Client_IP',
    'X-Client-IP',
    'X_Client_Ip',
    'X-Cluster-Client-IP',
    'X-Real_IP',
    'Client-IP',
    'CLIENT_IP',
    'Client-Cert',
    'Client-Cert-Chain',
    'client.cert.chain',
    'Front-End-Https',
    'CF-Connecting-IP',
    'Fastly_Client_IP',
    'X-Url-Scheme',
    'X-Scheme',
    'X-Host'
  ]
  for (const name of names) {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nTrue: 1\r\n${name}: evil\r\nX-Mine: 1\r\n\r\n`)
    parseRequest(bytes, 0, bytes.length, { headBytes: 4096, headerCount: 50, urlBytes: 100 })
    const { headers, seen } = parsedRequest()
    t.not(seen & SEEN_X, 0, `${name} is seen`)
    dropForwardingFields(headers)
    t.equal(headers.text, 'Host: a\r\nTrue: 1\r\nX-Mine: 1\r\n', name)
    const trusted = new HeaderBlock(`${name}: proxy\r\n`)
    dropForwardingFields(trusted, true)
    t.equal(trusted.text === '', /[_.]/.test(name), `${name} of a trusted proxy`)
    t.not((fieldMarks(name.toLowerCase()) >> SEEN_SHIFT) & SEEN_X, 0, `${name} is seen over HTTP/2`)
  }
  t.end()
})
