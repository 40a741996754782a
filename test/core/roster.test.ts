import t from 'tap'
import { Roster } from '../../src/core/roster.ts'
import { seededRandom } from '../../src/core/random.ts'

interface Guest {
  readonly name: number
  seat?: number
  other?: number
}

const bySeat = {
  get: ({ seat }: Guest) => seat,
  set: (guest: Guest, at: number) => {
    guest.seat = at
  }
}
const byOther = {
  get: ({ other }: Guest) => other,
  set: (guest: Guest, at: number) => {
    guest.other = at
  }
}

void t.test('a roster has what a Set would have, in its order, whatever comes and goes', async (t) => {
  const random = seededRandom(11)
  for (let round = 0; round < 20; round++) {
    const roster = new Roster<Guest>(bySeat)
    const beside = new Roster<Guest>(byOther)
    const set = new Set<Guest>()
    const guests = Array.from({ length: 200 }, (_, name): Guest => ({ name }))
    for (let i = 0; i < 3_000; i++) {
      const guest = guests[Math.floor(random() * guests.length)]!
      if (random() < 0.5) {
        roster.add(guest)
        beside.add(guest)
        set.add(guest)
      } else {
        t.equal(roster.delete(guest), set.delete(guest), 'whether it was there')
        beside.delete(guest)
      }
      if (roster.size !== set.size || roster.has(guest) !== set.has(guest))
        t.fail(`round ${round}, step ${i}`)
    }
    t.same(roster.toArray(), [...set])
    t.same(beside.toArray(), [...set])
    t.equal(roster.first, [...set][0])
  }
})

void t.test('empty seats stay within a bound, however many have left', async (t) => {
  const roster = new Roster<Guest>(bySeat)
  const staying: Guest = { name: -1 }
  roster.add(staying)
  for (let name = 0; name < 100_000; name++) {
    const guest: Guest = { name }
    roster.add(guest)
    roster.delete(guest)
  }
  t.same(roster.toArray(), [staying])
  t.ok(roster.length < 200, `${roster.length} seats`)
})

void t.test('who leaves during a walk is not visited, who comes is, and nobody twice', async (t) => {
  const roster = new Roster<Guest>(bySeat)
  const guests = Array.from({ length: 300 }, (_, name): Guest => ({ name }))
  for (const guest of guests.slice(0, 200)) roster.add(guest)
  for (const guest of guests.slice(0, 190)) roster.delete(guest)
  const visited: number[] = []
  roster.forEach((guest) => {
    visited.push(guest.name)
    if (guest.name === 190) for (const late of guests.slice(200)) roster.add(late)
    if (guest.name < 299) roster.delete(guests[guest.name + 1]!)
  })
  t.same(
    visited,
    guests.slice(190).filter((_, at) => at % 2 === 0).map(({ name }) => name) // prettier-ignore
  )
  const some: number[] = []
  roster.forEach(({ name }) => some.push(name) < 3)
  t.same(some, visited.slice(0, 3), 'a visit that says false ends the walk')
})
