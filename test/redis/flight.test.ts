import t from 'tap'
import type { Confirmations } from '../../src/redis/cache/confirm/confirmations.ts'
import { Flight } from '../../src/redis/cache/flight.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

const timeoutMs = 50
const confirmTimeoutMs = 250

/** A removal that another instance has to confirm. `over`: when the answer to the client may go, in ms. */
function flight(more: { readonly confirmTimeoutMs?: number } = {}) {
  const clock = new FakeClock()
  const from = clock.now()
  let confirm = () => {}
  let over: number | undefined
  const confirmations = {
    expect: (done: () => void) => {
      confirm = done
      return { ask: 'one.0.1', cancel: () => {} }
    }
  } as unknown as Confirmations
  const made = new Flight({ clock, timeoutMs, confirmTimeoutMs, ...more }, confirmations, () => {
    t.equal(over, undefined, 'it ends once')
    over = clock.now() - from
  })
  return {
    made,
    at: (ms: number) => clock.advance(from + ms - clock.now()),
    confirm: () => confirm(),
    over: () => over
  }
}

t.test('a removal waits for Redis, and longer for an instance that is busy', async (t) => {
  for (const [what, redis, instance, ends] of [
    ['both in time', 5, 9, 9],
    ['the instance first', 9, 5, 9],
    ['a busy instance', 5, 200, 200],
    ['an instance that does not answer', 5, 1000, 5 + confirmTimeoutMs],
    ['a Redis that does not answer', 1000, 1000, timeoutMs],
    ['a Redis of which only the other instance has heard', 1000, 5, timeoutMs]
  ] as const) {
    const { made, at, confirm, over } = flight()
    const happenings = [
      [redis, () => made.heard(true)],
      [instance, confirm]
    ] as const
    for (const [ms, happens] of [...happenings].sort(([a], [b]) => a - b)) {
      at(ms)
      happens()
    }
    t.equal(over(), ends, what)
  }
})

t.test(
  'a removal that Redis has not executed is over at once, and a short time for instances holds',
  async (t) => {
    const failed = flight()
    failed.at(3)
    failed.made.heard(false)
    t.equal(failed.over(), 3)
    const short = flight({ confirmTimeoutMs: 10 })
    short.made.heard(true)
    short.at(timeoutMs)
    t.equal(short.over(), 10, 'shorter than that for Redis')
  }
)
