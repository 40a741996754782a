import t from 'tap'
import { parseExplain } from '../../src/admin/api/explain-request.ts'
import type { ExplanationView } from '../../src/admin/api/explanation.ts'
import { explainRequest } from '../../src/runtime/control/check/explain.ts'
import { configOf } from './configs.ts'

const config = configOf({
  listeners: [
    { name: 'old', bind: '127.0.0.1:81', mode: 'l7', pool: 'web' },
    { name: 'clear', bind: '127.0.0.1:82', mode: 'l7', protocols: ['h2'], pool: 'web' },
    { name: 'secure', bind: '127.0.0.1:83', mode: 'l7', protocols: ['h2', 'http/1.1'], tls: { selfSigned: true }, via: true, pool: 'web' }
  ],
  pools: { web: { backends: ['127.0.0.1:9'] } }
}) // prettier-ignore

function explain(listener: string, headers: string[] = [], method = 'GET'): ExplanationView {
  const asked = parseExplain({ url: 'http://a.example/x?y', http2: true, listener, headers, method })
  return explainRequest(config, asked, { pseudonym: '', ports: {}, store: () => undefined, now: Date.now() })
}

t.test('a request of HTTP/2 is explained as its connection would read it', async (t) => {
  const clear = explain('clear', ['Priority: u=1, i', 'Host: b.example', 'Cookie: a=1', 'Cookie: b=2'])
  t.match(clear.notes, [/^HTTP\/2 by prior knowledge.*at most 128 streams at once, urgency 1, in turns/])
  t.equal(clear.forwards, '/x?y')
  t.ok(clear.sends!.includes('Host: b.example'))
  t.ok(clear.sends!.includes('cookie: a=1; b=2'), 'crumbs are one field again')
  const secure = explain('secure')
  t.match(secure.notes, [/^HTTP\/2 by ALPN over TLS.*urgency 3$/])
  t.ok(secure.sends!.some((line) => line.startsWith('Via: 2.0 ')))
})

t.test('explain reports what HTTP/2 forbids, and a listener without HTTP/2', async (t) => {
  for (const line of ['Connection: close', 'TE: gzip', 'Transfer-Encoding: chunked', 'Content-Length: x']) {
    t.match(
      explain('clear', [line]).refused,
      { status: 400, why: /stream is reset with PROTOCOL_ERROR/ },
      line
    )
  }
  t.equal(explain('clear', ['TE: trailers']).refused, undefined)
  // A length is that of a body to come, as over HTTP/1.1.
  for (const length of ['5', '0'])
    t.equal(explain('clear', [`Content-Length: ${length}`], 'POST').forwards, '/x?y')
  t.match(explain('clear', [], 'FROB').refused, { code: 'LB_NOT_IMPLEMENTED' })
  t.throws(() => explain('old'), { message: /does not speak HTTP\/2/ })
  t.throws(() => parseExplain({ url: 'http://a/', http2: 'yes' }), { message: /true or false/ })
})
