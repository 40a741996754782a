import t from 'tap'
import { Guesses } from '../../../../src/l7/stages/auth/guesses.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const LIMIT = { requests: 5, per: 60_000 }

/** How many wrong credentials of one address for one name are accepted. */
function accepted(guesses: Guesses, client: string, account: string | undefined, tries: number): number {
  let passed = 0
  for (let i = 0; i < tries; i++) {
    if (guesses.wait(client, account) > 0) continue
    guesses.count(client, account)
    passed++
  }
  return passed
}

t.test('whoever fills the table with addresses guesses no more than one of them could', async (t) => {
  const clock = new FakeClock()
  const memory = Guesses.allocate(256)
  const [one, two] = [new Guesses(LIMIT, memory, clock), new Guesses(LIMIT, memory, clock)]
  t.equal(accepted(one, 'victim', 'alice', 20), 5)
  let all = 0
  for (let i = 0; i < 4000; i++) all += accepted(i % 2 === 0 ? one : two, `10.${i}`, undefined, 10)
  t.ok(all <= 256 * 5 + 5, `${all} guesses from 4,000 addresses`)
  t.ok(all > 200 * 5, 'each address has its own limit as long as there is room')
  t.equal(accepted(two, 'new', 'bob', 10), 0)
  t.ok(two.wait('victim', undefined) > 0 && two.wait('other', 'alice') > 0, 'the first are remembered')
  clock.advance(61_000)
  t.equal(accepted(one, 'new', 'bob', 10), 5, 'and it is over when they have stopped')
})
