import t from 'tap'
import type { Answer } from './support/client.ts'
import { Client } from './support/client.ts'
import type { FieldList } from './support/fields.ts'
import { responseCases } from './support/response-cases.ts'

const cc = (value: string): FieldList => [['Cache-Control', value]]

for (const [title, cases] of Object.entries(responseCases)) {
  t.test(title, (t) => {
    for (const { title, response, status = 200, first = {}, second = first, pause = 3, reused } of cases()) {
      const client = new Client()
      const list = typeof response === 'function' ? response(client) : response
      const answer: Answer = { status, fields: list }
      t.equal(client.ask(first, answer).from, 'origin', `${title}: first`)
      client.pause(pause)
      t.equal(client.ask(second, answer).from, reused ? 'cache' : 'origin', title)
    }
    t.end()
  })
}

t.test('only-if-cached without anything stored is 504', (t) => {
  const client = new Client()
  t.equal(client.ask({ fields: [['Cache-Control', 'only-if-cached']] }).status, 504)
  t.equal(client.seen.length, 0)
  t.end()
})

t.test('variants live side by side, and an invalidation takes them all', (t) => {
  const client = new Client()
  const answer = (seen: { get(name: string): string | undefined }) => ({
    fields: [...cc('max-age=60'), ['Vary', 'Foo']] as FieldList,
    body: `foo ${seen.get('foo')}`
  })
  client.origin = answer
  for (const value of ['1', '2', '3']) client.ask({ fields: [['Foo', value]] })
  for (const value of ['1', '2', '3']) {
    const got = client.ask({ fields: [['Foo', value]] })
    t.strictSame([got.from, got.body], ['cache', `foo ${value}`])
  }
  client.ask({ method: 'POST' })
  for (const value of ['1', '2', '3']) t.equal(client.ask({ fields: [['Foo', value]] }).from, 'origin')
  t.end()
})

t.test('configuration fills in what responses leave out', (t) => {
  const plain = new Client({ defaultTtlMs: 60_000 })
  plain.ask({}, {})
  t.equal(plain.ask().from, 'cache', 'defaultTtl')
  plain.ask({ path: '/e' }, { status: 500 })
  t.equal(plain.ask({ path: '/e' }).from, 'origin', 'defaultTtl is not for errors')
  for (const status of [400, 405, 414, 431, 501]) {
    // RFC 6585 §5: never stored.
    const kept = status === 431 ? 'origin' : 'cache'
    const path = `/${status}`
    plain.ask({ path }, { status })
    t.equal(plain.ask({ path }).from, 'origin', `defaultTtl is not for ${status}`)
    const negative = new Client({ defaultTtlMs: 60_000, negativeTtlMs: { [status]: 1000 } })
    negative.ask({ path }, { status })
    t.equal(negative.ask({ path }).from, kept, `negativeTtl is for ${status}`)
  }

  const capped = new Client({ maxTtlMs: 10_000 })
  capped.ask({}, { fields: cc('max-age=3600') })
  capped.pause(11)
  t.equal(capped.ask().from, 'origin', 'maxTtl')

  const negative = new Client({ negativeTtlMs: { 404: 5_000, 503: 1_000 } })
  negative.ask({ path: '/n' }, { status: 404 })
  negative.ask({ path: '/s' }, { status: 503 })
  t.equal(negative.ask({ path: '/n' }).from, 'cache', 'negative 404')
  negative.pause(2)
  t.equal(negative.ask({ path: '/s' }).from, 'origin', 'negative 503 over')
  t.end()
})
