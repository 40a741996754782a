import t from 'tap'
import { Client } from './support/client.ts'

/** A client whose wall clock somebody sets, by `jumpMs`. */
function jumping() {
  const client = new Client()
  const { clock } = client
  const wall = clock.wall.bind(clock)
  const set = { jumpMs: 0 }
  clock.wall = () => wall() + set.jumpMs
  return { client, set }
}

const day = 24 * 60 * 60 * 1000

t.test('stored responses age by the steady clock', (t) => {
  for (const jumpMs of [-day, day, -365 * day]) {
    const { client, set } = jumping()
    client.ask({}, { fields: [['Cache-Control', 'max-age=60']], body: 'first' })
    set.jumpMs = jumpMs
    client.pause(10)
    const fresh = client.ask({}, { body: 'second' })
    t.strictSame([fresh.body, fresh.get('age')], ['first', '10'], `${jumpMs}: still fresh`)
    client.pause(51)
    t.equal(client.ask({}, { body: 'second' }).body, 'second', `${jumpMs}: stale when its time is over`)
  }
  t.end()
})

t.test('Date and Expires are compared with the wall clock as it is when they come', (t) => {
  const { client, set } = jumping()
  set.jumpMs = 3 * day
  const lists = [
    [
      ['Cache-Control', 'max-age=60'],
      ['Date', client.date(-50)]
    ],
    [['Expires', client.date(10)]]
  ] as const
  for (const [index, fields] of lists.entries()) {
    const path = `/${index}`
    client.ask({ path }, { fields, body: 'first' })
    client.pause(5)
    t.equal(client.ask({ path }).body, 'first')
    client.pause(6)
    t.equal(client.ask({ path }, { body: 'second' }).body, 'second')
  }
  t.end()
})
