import t from 'tap'
import type { PoolSlots } from '../../src/balancer/table/slot-registry.ts'
import type { SharedStoreMemory } from '../../src/l7/cache/store/memory/layout.ts'
import {
  applyDelta,
  bindKey,
  deltaOf,
  makePlaneSnapshot,
  type PlaneSnapshotInput
} from '../../src/runtime/plane/plane-snapshot.ts'
import { configOf } from './configs.ts'

const config = (weight: number) =>
  configOf({
    listeners: [
      { name: 'a', bind: '127.0.0.1:1001', mode: 'l4', pool: 'same' },
      { name: 'b', bind: '127.0.0.1:1002', mode: 'l4', pool: 'other', maxConnections: weight }
    ],
    pools: {
      same: { backends: ['127.0.0.1:1'] },
      other: {
        algorithm: 'weighted-round-robin',
        backends: [{ address: '127.0.0.1:2', weight }, '127.0.0.1:3']
      }
    }
  })
const rows = {
  same: { pool: 0, backends: [0], tree: undefined },
  other: { pool: 1, backends: [1, 2], tree: undefined }
}

const memory = { control: new SharedArrayBuffer(8) } as SharedStoreMemory
const parts = (id: number, weight: number, slots: Record<string, PoolSlots> = rows): PlaneSnapshotInput => ({
  id,
  config: config(weight),
  logLevel: 'info',
  material: { listeners: {}, pools: {} },
  slots,
  ports: {},
  caches: new Map([['main', memory]]),
  stageMemories: new Map()
})

t.test('a delta carries what changed, and rebuilds the snapshot over the one before', async (t) => {
  const first = makePlaneSnapshot(parts(1, 1))
  const received = applyDelta(undefined, structuredClone(deltaOf(undefined, first)))
  const second = makePlaneSnapshot({ ...parts(2, 2, structuredClone(rows)), ports: { 'b#0': 9 } }, first)
  const delta = structuredClone(deltaOf(first, second))
  t.strictSame(
    delta.listeners.map((part) => typeof part),
    ['string', 'object']
  )
  t.strictSame(
    delta.pools.map((part) => typeof part),
    ['string', 'object']
  )
  const rebuilt = applyDelta(received, delta)
  t.strictSame(rebuilt, second)
  t.equal(rebuilt.caches.get('main'), received.caches.get('main'))
  t.equal(rebuilt.pools.get('same'), received.pools.get('same'), 'unchanged parts stay the same objects')
  t.not(rebuilt.pools.get('other'), received.pools.get('other'))
})

t.test('a pool whose rows changed is sent again, although its configuration did not', async (t) => {
  const first = makePlaneSnapshot(parts(1, 1))
  const second = makePlaneSnapshot(parts(2, 1, { ...rows, same: { ...rows.same, backends: [7] } }), first)
  t.match(deltaOf(first, second).pools, [{ config: { name: 'same' } }, 'other'])
  const other = { ...rows.other, tree: new SharedArrayBuffer(8) }
  const third = makePlaneSnapshot(parts(3, 1, { ...rows, other }), first)
  t.match(deltaOf(first, third).pools, ['same', { config: { name: 'other' } }])
})

t.test('a delta over another snapshot is refused', async (t) => {
  const first = makePlaneSnapshot(parts(1, 1))
  const second = makePlaneSnapshot(parts(2, 2), first)
  t.throws(() => applyDelta(undefined, deltaOf(first, second)), /stands on 1/)
})

t.test('binds are known by address, and by place where the kernel chooses the port', async (t) => {
  const owner = { name: 'a', mode: 'l4', protocol: 'tcp' } as const
  t.equal(bindKey(owner, { kind: 'tcp', host: '::', port: 80, text: '[::]:80' }, 1), '[::]:80')
  t.equal(bindKey(owner, { kind: 'tcp', host: '::', port: 0, text: '[::]:0' }, 1), 'a#1')
  t.equal(bindKey(owner, { kind: 'unix', path: '/x', text: 'unix:/x' }, 0), 'unix:/x')
  const udp = { ...owner, protocol: 'udp' } as const
  t.equal(bindKey(udp, { kind: 'tcp', host: '::', port: 80, text: '[::]:80' }, 1), 'udp:[::]:80')
})
