import t from 'tap'
import { describeDiff, diffConfigs, isEmpty } from '../../src/runtime/control/reload/diff.ts'
import { configOf } from './configs.ts'

const base = {
  listeners: [
    { name: 'https', bind: '127.0.0.1:8080', mode: 'l7', pool: 'api' },
    { name: 'db', bind: '127.0.0.1:5432', mode: 'l4', pool: 'db' }
  ],
  pools: {
    api: { backends: ['10.0.0.1:80', '10.0.0.2:80'] },
    db: { backends: ['10.0.0.1:5432'] }
  }
}
const before = configOf(base)

t.test('nothing differs', async (t) => {
  const diff = diffConfigs(before, configOf(base))
  t.ok(isEmpty(diff))
  t.strictSame(describeDiff(diff, new Map([['https', 812]])), [
    'listener https unchanged (812 connections kept)',
    'listener db unchanged (0 connections kept)',
    '2 pools unchanged'
  ])
})

t.test('a listener that has another name is told as such, and one whose address is gone as removed', (t) => {
  const [https, db] = base.listeners
  const renamed = configOf({ ...base, listeners: [https, { ...db, name: 'postgres' }] })
  t.strictSame(describeDiff(diffConfigs(before, renamed), new Map([['db', 3]])).slice(1, 3), [
    'listener postgres added: 127.0.0.1:5432',
    'listener db is postgres now (3 connections kept)'
  ])
  for (const changed of [
    { ...db, name: 'postgres', bind: '127.0.0.1:5433' },
    { ...https, name: 'postgres', bind: '127.0.0.1:5432' }
  ])
    t.match(describeDiff(diffConfigs(before, configOf({ ...base, listeners: [https, changed] }))), [
      /https/,
      /added/,
      'listener db removed'
    ])
  t.end()
})

t.test('backends come and go, and the sentence says how many', async (t) => {
  const pools = { ...base.pools, api: { backends: ['10.0.0.1:80', '10.0.0.3:80', '10.0.0.4:80'] } }
  const diff = diffConfigs(before, configOf({ ...base, pools }))
  t.notOk(isEmpty(diff))
  t.strictSame(describeDiff(diff), [
    'listener https unchanged',
    'listener db unchanged',
    'pool api: +2 backends, -1 draining',
    'pool db unchanged'
  ])
})

t.test('a changed weight alters a backend, a changed address replaces it', async (t) => {
  const weighted = (address: string, weight: number) =>
    configOf({
      ...base,
      pools: {
        ...base.pools,
        api: { algorithm: 'weighted-round-robin', backends: [{ name: 'a', address, weight }, '10.0.0.2:80'] }
      }
    })
  t.match(describeDiff(diffConfigs(weighted('10.0.0.1:80', 1), weighted('10.0.0.1:80', 5))), [
    /./,
    /./,
    'pool api: 1 backend altered'
  ])
  t.match(describeDiff(diffConfigs(weighted('10.0.0.1:80', 1), weighted('10.0.0.9:80', 1))), [
    /./,
    /./,
    'pool api: +1 backend, -1 draining'
  ])
})

t.test('listeners are added, removed and changed, with the keys that differ', async (t) => {
  const listeners = [
    { name: 'https', bind: '127.0.0.1:8080', mode: 'l7', pool: 'api', timeouts: { idle: '5s' }, trace: true },
    { name: 'admin', bind: '127.0.0.1:8081', mode: 'l7', pool: 'api' }
  ]
  const pools = { api: base.pools.api }
  const diff = diffConfigs(before, configOf({ listeners, pools }))
  t.strictSame(
    describeDiff(
      diff,
      new Map([
        ['https', 1],
        ['db', 2]
      ])
    ),
    [
      'listener https changed: timeouts.idle 1m -> 5s, trace false -> true (1 connection kept)',
      'listener admin added: 127.0.0.1:8081',
      'listener db removed (2 connections draining)',
      'pool db removed: 1 backend draining',
      'pool api unchanged'
    ]
  )
})

t.test('a listener that changes its mode lets its connections drain', async (t) => {
  const listeners = [{ ...base.listeners[0]!, mode: 'l4' }, base.listeners[1]!]
  const [line] = describeDiff(diffConfigs(before, configOf({ ...base, listeners })), new Map([['https', 3]]))
  t.match(line, /^listener https changed: mode.* \(3 connections draining\)$/)
})

t.test('parts that need a restart are named, and are not a change', async (t) => {
  const diff = diffConfigs(before, configOf({ ...base, workers: 3 }))
  t.ok(isEmpty(diff))
  t.match(describeDiff(diff).at(-1), 'workers: auto -> 3 needs a restart; the old value stays')
})
