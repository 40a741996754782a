import t from 'tap'
import { seededRandom } from '../../../src/core/random.ts'
import { BY_BOTH_ENDS, BY_PEER, BY_US, ClosedIds } from '../../../src/l7/http2/session/stream/closed-ids.ts'
import { Stream } from '../../../src/l7/http2/session/stream/stream.ts'
import { StreamTable } from '../../../src/l7/http2/session/stream/stream-table.ts'

void t.test(
  'streams are found as in a Map, whatever opens and ends, also where ids share a place',
  async (t) => {
    const random = seededRandom(7)
    for (let round = 0; round < 60; round++) {
      const table = new StreamTable()
      const map = new Map<number, Stream>()
      // One by one as clients count, in leaps that share their places, and anywhere.
      const step = [2, 2 * 256, 2 * (1 + Math.floor(random() * 1000))][round % 3]!
      const most = 1 + Math.floor(random() * 120)
      let id = 1
      for (let i = 0; i < 2_000; i++) {
        if (map.size < most && random() < 0.6) {
          const stream = new Stream(id, 0, 0)
          id += step
          table.add(stream)
          map.set(stream.id, stream)
        } else {
          const ids = [...map.keys()]
          const gone = random() < 0.1 ? id + 2 : ids[Math.floor(random() * ids.length)]
          if (gone !== undefined && table.delete(gone) !== map.delete(gone)) t.fail(`delete ${gone}`)
        }
        const asked = 1 + 2 * Math.floor((random() * id) / 2)
        if (table.get(asked) !== map.get(asked) || table.has(asked) !== map.has(asked)) t.fail(`get ${asked}`)
        if (table.size !== map.size) t.fail(`${table.size} streams, not ${map.size}`)
      }
      for (const [key, stream] of map) if (table.get(key) !== stream) t.fail(`get ${key} at the end`)
      t.same(new Set(table.toArray()), new Set(map.values()))
    }
  }
)

void t.test('how the last 64 streams closed is known, and of those before them nothing', async (t) => {
  const closed = new ClosedIds()
  const ways = [BY_BOTH_ENDS, BY_US, BY_PEER]
  const wayOf = (id: number): number => ways[(id >>> 1) % 3]!
  const ids = Array.from({ length: 300 }, (_, n) => (n < 150 ? 2 * n + 1 : 0x7fff_ffff - 2 * (300 - n)))
  t.equal(closed.way(1), 0, 'none has closed')
  ids.forEach((id, n) => {
    closed.add(id, wayOf(id))
    for (let back = 0; back < 64 && back <= n; back++) {
      const known = ids[n - back]!
      if (closed.way(known) !== wayOf(known)) t.fail(`${known} after ${n + 1}`)
    }
    if (n >= 64 && closed.way(ids[n - 64]!) !== 0) t.fail(`${ids[n - 64]} is remembered`)
  })
})
