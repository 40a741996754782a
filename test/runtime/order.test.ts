import t from 'tap'
import { RestartDelay } from '../../src/runtime/workers/watch/restart-delay.ts'
import { SerialQueue } from '../../src/runtime/control/reload/serial-queue.ts'

t.test('replacement waits double up to ten seconds, and begin anew after a minute of health', async (t) => {
  let now = 0
  const delay = new RestartDelay(() => now)
  const delays = Array.from({ length: 9 }, () => delay.next())
  t.strictSame(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  delay.started()
  now += 59_999
  t.equal(delay.next(), 10_000)
  delay.started()
  now += 60_000
  t.equal(delay.next(), 100)
})

t.test('changes go one after the other', async (t) => {
  const queue = new SerialQueue()
  const order: string[] = []
  const change = async (name: string) => {
    const leave = await queue.enter()
    order.push(`${name} in`)
    await Promise.resolve()
    order.push(`${name} out`)
    leave()
  }
  await Promise.all([change('a'), change('b')])
  t.strictSame(order, ['a in', 'a out', 'b in', 'b out'])
})
