import t from 'tap'
import { HeaderBlock } from '../../../src/l7/header-block.ts'
import { headerEditError } from '../../../src/l7/headers/header-edits-error.ts'
import { compileEdits } from '../../../src/l7/headers/header-edits.ts'

const facts = { clientIp: '192.0.2.1', requestId: 'abc', host: 'example.com:80', scheme: 'https' } as const

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

t.test('no edits compile to nothing', async (t) => {
  t.equal(compileEdits({ set: {}, add: {}, remove: [] }), undefined)
})

t.test('edits that would break messages are told', async (t) => {
  for (const name of [
    'Content-Length',
    'transfer-encoding',
    'Connection',
    'Upgrade',
    'TE',
    'Keep-Alive',
    'Trailer',
    'Expect',
    'a b',
    '',
    'x:',
    'é'
  ]) {
    t.type(headerEditError('set', 'request', name, 'x'), 'string', name)
    t.type(headerEditError('remove', 'response', name), 'string', name)
  }
  t.equal(headerEditError('set', 'request', 'Host', 'inner'), undefined)
  t.type(headerEditError('remove', 'request', 'Host'), 'string')
  t.type(headerEditError('add', 'request', 'host', 'x'), 'string')
  for (const value of ['a\r\nb', 'a\nb', 'a\x00', 'é', 'x'.repeat(5000), '{nonsense}']) {
    t.type(headerEditError('set', 'request', 'X-A', value), 'string', value.slice(0, 20))
  }
  for (const value of ['', 'a b\tc', '{client_ip}', '{"a":1}', '{', "default-src 'self'"])
    t.equal(headerEditError('add', 'response', 'X-A', value), undefined, value)
})
