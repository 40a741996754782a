import t from 'tap'
import { heapLimitMb } from '../../src/runtime/memory/memory-limit.ts'
import { RestartDelay } from '../../src/runtime/workers/watch/restart-delay.ts'
import { BEAT_MS, STUCK_AFTER_MS, Watchdog } from '../../src/runtime/workers/watch/watchdog.ts'

t.test('a thread without heartbeats is stuck, a slow one is not', (t) => {
  const watchdog = new Watchdog()
  const stuck: number[] = []
  let beat = 0
  for (let now = 0; now <= STUCK_AFTER_MS + BEAT_MS; now += BEAT_MS) {
    // The second beats every two seconds.
    if (now % 2_000 === 0) beat++
    const beats = new Map([
      [1, 7],
      [2, beat]
    ])
    stuck.push(...watchdog.look(beats, now))
    if (now < STUCK_AFTER_MS) t.strictSame(stuck, [], `${now} ms`)
  }
  t.strictSame([...new Set(stuck)], [1])
  t.end()
})

t.test('who was held up itself blames nobody', (t) => {
  const watchdog = new Watchdog()
  const beats = new Map([[1, 7]])
  watchdog.look(beats, 0)
  t.strictSame(watchdog.look(beats, 60_000), [], 'the machine slept')
  t.strictSame(watchdog.look(beats, 60_000 + BEAT_MS), [])
  t.end()
})

t.test('the last worker comes back at once, whatever it died of', (t) => {
  const delay = new RestartDelay(() => 0)
  for (let i = 0; i < 8; i++) delay.next()
  t.equal(delay.ailing, true)
  t.equal(delay.next(true), 100)
  t.equal(delay.next(false), 10_000)
  t.end()
})

t.test('workers share half of the memory that the container may have', (t) => {
  t.equal(heapLimitMb(2, 512 * 2 ** 20), 128)
  t.equal(heapLimitMb(4, 64 * 2 ** 30), 4096)
  t.ok(heapLimitMb(1) >= 64)
  t.end()
})
