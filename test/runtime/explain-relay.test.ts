import t from 'tap'
import { parseExplain } from '../../src/admin/api/explain-request.ts'
import type { ExplanationView } from '../../src/admin/api/explanation.ts'
import { explainRequest } from '../../src/runtime/control/check/explain.ts'
import { configOf } from './configs.ts'

const config = configOf({
  listeners: [
    { name: 'web', bind: '127.0.0.1:80', mode: 'l7', pool: 'web' },
    { name: 'pg', bind: '127.0.0.1:5432', mode: 'l4', pool: 'pg', deny: ['10.0.0.0/8'] },
    { name: 'names', bind: '127.0.0.1:443', mode: 'l4', sni: [{ host: '*.a.test', pool: 'a' }] },
    { name: 'dns', bind: '127.0.0.1:53', mode: 'l4', protocol: 'udp', pool: 'dns', allow: ['192.0.2.0/24'], udp: { responses: 1 } }
  ],
  pools: Object.fromEntries(['web', 'pg', 'a', 'dns'].map((name) => [name, { backends: ['127.0.0.1:9'] }]))
}) // prettier-ignore

function explain(url: string, more: object = {}): ExplanationView {
  const asked = parseExplain({ url, client: '192.0.2.1', ...more })
  return explainRequest(config, asked, { pseudonym: '', ports: {}, store: () => undefined, now: Date.now() })
}

t.test('a port that relays connections or datagrams is explained as what it is', async (t) => {
  for (const url of ['http://127.0.0.1:5432/', 'tcp://127.0.0.1:5432', 'https://127.0.0.1:5432/x?y'])
    t.match(explain(url), {
      listener: 'pg',
      action: { pool: 'pg' },
      notes: [/mode l4, TCP: bytes are relayed/]
    })
  t.match(explain('tcp://pg.test:5432', { client: '10.1.2.3' }).notes, [
    /TCP/,
    /10\.1\.2\.3 is refused: .* deny/
  ])
  t.match(explain('https://x.A.test/'), {
    listener: 'names',
    action: { pool: 'a' },
    notes: [/TCP/, /sni \*\.a\.test/]
  })
  const nobody = explain('https://b.test/')
  t.match(nobody.notes, [/TCP/, /no sni entry is for b\.test/])
  t.equal(nobody.action, undefined)
  for (const asked of [explain('udp://127.0.0.1:53'), explain('http://a/', { listener: 'dns' })])
    t.match(asked, {
      listener: 'dns',
      action: { pool: 'dns' },
      notes: [/UDP/, /answer to each datagram \(1\), or after 30 s/]
    })
  t.match(explain('udp://127.0.0.1:53', { client: '203.0.113.1' }).notes, [/UDP/, /not in allow/])
})

t.test('explain says that nobody listens on a port', async (t) => {
  const nobody = {
    message: 'nobody listens on port 4444; name the listener that is meant: web, pg, names, dns'
  }
  for (const scheme of ['http', 'https', 'tcp', 'udp'])
    t.throws(() => explain(`${scheme}://127.0.0.1:4444/`), nobody)
  t.match(explain('http://127.0.0.1:4444/', { listener: 'web' }), { listener: 'web' })
  t.strictSame(explain('http://site.test/').notes, [])
  t.throws(() => explain('tcp://127.0.0.1'), { message: /name it: web, pg, names, dns/ })
  t.throws(() => explain('tcp://a/', { listener: 'web' }), { message: /ask by http or https/ })
  t.throws(() => explain('http://a/', { listener: 'x' }), {
    message: /no listener x; there are: web, pg, names, dns/
  })
})
