import t from 'tap'
import type { Answer, Seen } from './support/client.ts'
import { Client } from './support/client.ts'
import type { FieldList } from './support/fields.ts'

const lasting: FieldList = [['Cache-Control', 'max-age=60']]

/** A client whose next request to the origin is overtaken by a POST, after the origin has answered it from the old state. */
function overtaken(client: Client, old: Answer): void {
  let posted = false
  client.origin = ({ method }: Seen) => {
    if (method === 'POST') return { fields: [], body: 'done' }
    if (posted) return { fields: lasting, body: 'new' }
    posted = true
    client.ask({ method: 'POST' })
    return old
  }
}

t.test('what upstream was asked before an unsafe request is not stored after it, whatever it is', (t) => {
  const cases: readonly (readonly [string, FieldList, Answer])[] = [
    ['a first answer', [], { fields: lasting, body: 'old' }],
    ['an answer that varies', [], { fields: [...lasting, ['Vary', 'Foo']], body: 'old' }],
    [
      'a part',
      [['Range', 'bytes=0-2']],
      { status: 206, fields: [...lasting, ['Content-Range', 'bytes 0-2/3']], body: 'old' }
    ]
  ]
  for (const [what, fields, old] of cases) {
    const client = new Client()
    overtaken(client, old)
    client.ask({ fields })
    t.equal(client.ask({ fields: [] }).body, 'new', what)
    t.equal(client.ask().from, 'cache', `${what}: what is asked for now is stored`)
  }
  t.end()
})

t.test('a revalidation overtaken by an unsafe request does not restore what that removed', (t) => {
  for (const vary of [[], [['Vary', 'Foo']]] as FieldList[]) {
    const client = new Client()
    client.ask({}, { fields: [['Cache-Control', 'max-age=2'], ['ETag', '"1"'], ...vary], body: 'old' })
    client.pause(3)
    overtaken(client, { status: 304, fields: [...lasting, ['ETag', '"1"']], body: '' })
    t.equal(client.ask().body, 'old', 'it is told what held when it asked')
    t.equal(client.ask().body, 'new')
  }
  t.end()
})

t.test('the answer to a POST that may be stored is newer than its own invalidation', (t) => {
  const client = new Client()
  client.ask({}, { fields: lasting, body: 'old' })
  const fields: FieldList = [...lasting, ['Content-Location', 'http://example.com/a']]
  client.ask({ method: 'POST' }, { fields, body: 'posted' })
  t.strictSame([client.ask().body, client.ask().from], ['posted', 'cache'])
  t.end()
})
