import t from 'tap'
import { HeaderBlock } from '../../../src/l7/message/header-block.ts'
import { FieldNames } from '../../../src/l7/headers/field-names.ts'
import { compileEdits } from '../../../src/l7/headers/header-edits.ts'

const facts = {
  clientIp: '192.0.2.1',
  requestId: 'abc',
  host: 'example.com:80',
  scheme: 'https',
  identity: undefined,
  tls: undefined
} as const

t.test('set replaces, add appends, remove takes away', async (t) => {
  const edits = compileEdits({
    set: { 'X-Env': 'prod' },
    add: { 'X-Tag': 'b' },
    remove: ['X-Debug', 'server']
  })!
  const headers = new HeaderBlock(
    'x-env: dev\r\nX-Tag: a\r\nX-DEBUG: 1\r\nServer: y\r\nX-Env: q\r\nHost: h\r\n'
  )
  edits.apply(headers, facts)
  t.equal(headers.text, 'X-Tag: a\r\nHost: h\r\nX-Env: prod\r\nX-Tag: b\r\n')
})

t.test('a field that CGI servers read as one that is set or removed goes too', async (t) => {
  const edits = compileEdits({ set: { 'X-User': 'a' }, add: {}, remove: ['X-Role', 'Via'] })!
  const headers = new HeaderBlock(
    'X_User: b\r\nX.User: b\r\nx_role: c\r\nX_Other: d\r\nX-User: e\r\nVi_a: f\r\n'
  )
  edits.apply(headers, facts, true)
  t.equal(headers.text, 'X_Other: d\r\nVi_a: f\r\nX-User: a\r\n')
  t.same([...edits.names].sort(), ['via', 'x-role', 'x-user'])
})

t.test('placeholders are filled in for each exchange', async (t) => {
  const edits = compileEdits({
    set: { 'X-Client': '{client_ip}', Link: '<{scheme}://{host}/>; id={request_id}' },
    add: { 'Report-To': '{"group":"x","max_age":1}' },
    remove: []
  })!
  const headers = new HeaderBlock('')
  edits.apply(headers, facts)
  t.equal(
    headers.text,
    'Report-To: {"group":"x","max_age":1}\r\nX-Client: 192.0.2.1\r\nLink: <https://example.com:80/>; id=abc\r\n'
  )
})

t.test('who the client is goes into fields, and nothing in it ends one', async (t) => {
  const edits = compileEdits({
    set: {
      'X-Who': '{clientIp} {identity} {cert.fingerprint}',
      'X-Subject': '{tls.subject}',
      'X-Left': '{other}'
    },
    add: {},
    remove: []
  })!
  const applied = (more: object): string => {
    const headers = new HeaderBlock('X-Who: forged\r\nX-Subject: forged\r\n')
    edits.apply(headers, { ...facts, ...more })
    return headers.text
  }
  const clientCertificate = {
    subject: 'CN=al\r\nX-Admin: yes,O=\u{1F600}',
    issuer: '',
    commonName: undefined,
    subjectAltNames: [],
    fingerprint: 'ab12',
    serial: '1',
    notAfter: 0,
    raw: Buffer.alloc(0)
  }
  const text = applied({ identity: { name: 'al\nice\0' }, tls: { clientCertificate } })
  t.equal(text, 'X-Left: {other}\r\nX-Who: 192.0.2.1 al?ice? ab12\r\nX-Subject: CN=al??X-Admin: yes,O=?\r\n')
  t.equal(
    applied({}),
    'X-Left: {other}\r\nX-Who: 192.0.2.1  \r\nX-Subject: \r\n',
    'nobody, and not what was forged'
  )
})

t.test('no edits compile to nothing', async (t) => {
  t.equal(compileEdits({ set: {}, add: {}, remove: [] }), undefined)
})

t.test('a request keeps exactly one Host', async (t) => {
  const result = (edits: {
    set?: Record<string, string>
    add?: Record<string, string>
    remove?: string[]
  }): string => {
    const headers = new HeaderBlock('Host: a\r\nX: 1\r\n')
    compileEdits({ set: {}, add: {}, remove: [], ...edits })!.apply(headers, facts)
    return headers.text
  }
  t.equal(result({ set: { host: 'b' } }), 'X: 1\r\nhost: b\r\n')
  t.equal(result({ add: { Host: 'b' } }), 'X: 1\r\nHost: b\r\n')
  t.equal(result({ remove: ['HOST', 'x'] }), 'Host: a\r\n')
  t.ok(compileEdits({ set: { Host: 'b' }, add: {}, remove: [] })!.setsHost)
  t.notOk(compileEdits({ set: { 'X-Host': 'b' }, add: {}, remove: [] })!.setsHost)
})

t.test('one walk over the lines takes out what a walk for each name does', async (t) => {
  const names = ['x-a', 'x-b', 'x_a', 'accept', 'via', 'x-forwarded-for', 'v']
  const written = [...names, 'X-A', 'X_b', 'x.forwarded_for', 'Accept', 'accep', 'accepts', 'y']
  let state = 1
  const next = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
  for (let round = 0; round < 500; round++) {
    const drop = names.filter(() => next(3) === 0)
    const lines = Array.from({ length: next(8) }, () => `${written[next(written.length)]!}: ${next(10)}\r\n`)
    const exact = new HeaderBlock(lines.join(''))
    for (const name of drop) exact.remove(name)
    t.equal(new FieldNames(drop).without(lines.join(''), false), exact.text)
    const read = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')
    const loose = lines.filter(
      (line) => !drop.some((name) => read(name) === read(line.slice(0, line.indexOf(':'))))
    )
    t.equal(new FieldNames(drop).without(lines.join(''), true), loose.join(''))
  }
})
