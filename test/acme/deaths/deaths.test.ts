import t from 'tap'
import { acmeFolder } from '../names.ts'
import { noPebble, startPebble } from '../pebble.ts'
import { runDeaths } from './run-deaths.ts'

// long.ts does all of them, with 50 names.
t.test(
  'a whole lb that is killed on the way obtains and renews with one order each, and asks no sooner than it may',
  { skip: noPebble, timeout: 240_000 },
  async (t) => {
    const pebble = await startPebble(t, { env: { PEBBLE_WFE_NONCEREJECT: '5' } })
    const { left, wrong, early } = await runDeaths({
      ...{ folder: acmeFolder(t), pebble },
      names: Array.from({ length: 4 }, (_, i) => `n${i}.example.com`),
      requests: [
        { step: 'new order', phase: 'after' },
        { step: 'finalize', phase: 'after' }
      ],
      writes: [{ what: 'obtained', phase: 'torn' }],
      ...{ retryAfterS: 1, withinMs: 180_000 }
    })
    t.strictSame(left, [], 'all deaths are died')
    t.strictSame(wrong, [], 'one order for each certificate')
    t.strictSame(early, [])
  }
)
