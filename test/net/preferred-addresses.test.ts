import t from 'tap'
import { PreferredAddresses } from '../../src/net/dial/preferred-addresses.ts'

t.test('an address that connected while another kept silent goes first for ten minutes', async (t) => {
  const preferred = new PreferredAddresses()
  const both = ['fd00::1', '10.0.0.1']
  t.strictSame(preferred.order('db', both, 0), both)
  preferred.outran('db', '10.0.0.1', 0)
  t.strictSame(preferred.order('db', both, 599_999), ['10.0.0.1', 'fd00::1'])
  t.strictSame(preferred.order('web', both, 0), both, 'of that name only')
  t.strictSame(preferred.order('db', ['fd00::1'], 1), ['fd00::1'], 'not where the name has it no more')
  t.strictSame(preferred.order('db', both, 600_000), both, "then the resolver's order again")
  preferred.outran('db', '10.0.0.1', 0)
  preferred.failed('db', 'fd00::1')
  t.strictSame(preferred.order('db', both, 1)[0], '10.0.0.1')
  preferred.failed('db', '10.0.0.1')
  t.strictSame(preferred.order('db', both, 1), both, 'nor once it has failed itself')
})
