import t from 'tap'
import {
  randomHex,
  keptRequestId,
  newRequestId,
  isTraceparent,
  newTraceparent,
  traceId
} from '../../../src/l7/headers/trace-ids.ts'

t.test('ids do not repeat, over many fillings of the pool', async (t) => {
  const seen = new Set<string>()
  for (let i = 0; i < 5000; i++) {
    const id = newRequestId()
    if (!/^[0-9a-f]{32}$/.test(id)) t.fail(id)
    seen.add(id)
    seen.add(randomHex(16))
  }
  t.equal(seen.size, 10_000)
})

t.test('a request id is kept when it can stand anywhere', async (t) => {
  for (const good of [
    'a',
    '7b1f3c2e-1111-4222-8333-444455556666',
    'Root=1-67891233-abcdef012345678912345678',
    'x'.repeat(128)
  ]) {
    t.equal(keptRequestId(good), good)
  }
  for (const bad of [undefined, '', 'x'.repeat(129), 'a b', 'a"b', 'a\tb', 'é', 'a,b', '<x>', 'a\\'])
    t.equal(keptRequestId(bad), undefined, String(bad))
})

t.test('a valid traceparent is passed and nothing else', async (t) => {
  const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  t.ok(isTraceparent(valid))
  t.equal(traceId(valid), '0af7651916cd43dd8448eb211c80319c')
  t.ok(isTraceparent(newTraceparent()))
  t.equal(traceId(newTraceparent('ab'.repeat(16))), 'ab'.repeat(16))
  t.ok(isTraceparent('cc' + valid.slice(2) + '-what-comes-later'))
  const bad = [
    '',
    valid.slice(1),
    valid + '-',
    valid + '0',
    valid.toUpperCase(),
    'ff' + valid.slice(2),
    valid.replace('-', '_'),
    '00-' + '0'.repeat(32) + '-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-' + '0'.repeat(16) + '-01',
    'cc' + valid.slice(2) + '.x',
    'cc' + valid.slice(2) + '-' + 'x'.repeat(300),
    valid.replace('b7', 'g7'),
    `${valid}, ${valid}`
  ]
  for (const value of bad) t.notOk(isTraceparent(value), value.slice(0, 80))
})
