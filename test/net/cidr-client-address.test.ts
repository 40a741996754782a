import t from 'tap'
import { compileCidrs } from '../../src/net/address/cidr.ts'
import { bareAddress, clientAddress, forParameter } from '../../src/net/address/client-address.ts'

const trusted = compileCidrs(['10.0.0.0/8', '2001:db8::/32'])
const none = compileCidrs([])

t.test('what an untrusted peer says of others is not believed', async (t) => {
  t.equal(clientAddress('192.0.2.9', trusted, '1.2.3.4', 'for=1.2.3.4'), '192.0.2.9')
  t.equal(clientAddress('10.0.0.1', none, '1.2.3.4', undefined), '10.0.0.1')
})

t.test('the client is the rightmost address that is not a trusted proxy', async (t) => {
  t.equal(clientAddress('10.0.0.1', trusted, '6.6.6.6, 192.0.2.7, 10.0.0.2', undefined), '192.0.2.7')
  t.equal(clientAddress('10.0.0.1', trusted, '192.0.2.7', undefined), '192.0.2.7')
  t.equal(
    clientAddress('10.0.0.1', trusted, '10.0.0.3,10.0.0.2', undefined),
    '10.0.0.3',
    'all trusted: the first'
  )
  t.equal(clientAddress('10.0.0.1', trusted, ' , 192.0.2.7 ,, ', undefined), '192.0.2.7', 'empty elements')
  t.equal(clientAddress('10.0.0.1', trusted, '', undefined), '10.0.0.1')
  t.equal(clientAddress('10.0.0.1', trusted, undefined, undefined), '10.0.0.1')
})

t.test('an entry that is no address ends the walk at the hop that reported it', async (t) => {
  t.equal(clientAddress('10.0.0.1', trusted, '192.0.2.7, unknown, 10.0.0.2', undefined), '10.0.0.2')
  t.equal(clientAddress('10.0.0.1', trusted, '192.0.2.7, "x', undefined), '10.0.0.1')
})

t.test('a chain longer than the bound is not read to its end', async (t) => {
  const chain = ['192.0.2.7', ...Array.from({ length: 200 }, (_, i) => `10.0.0.${i}`)].join(', ')
  t.match(clientAddress('10.0.0.1', trusted, chain, undefined), /^10\.0\.0\.\d+$/)
})

t.test('Forwarded is read where X-Forwarded-For is absent', async (t) => {
  t.equal(
    clientAddress('10.0.0.1', trusted, undefined, 'for=192.0.2.7;proto=https, for=10.0.0.2'),
    '192.0.2.7'
  )
  t.equal(clientAddress('10.0.0.1', trusted, undefined, 'For="[2001:db9::1]:4711"'), '2001:db9::1')
  t.equal(clientAddress('10.0.0.1', trusted, '192.0.2.8', 'for=192.0.2.7'), '192.0.2.8')
  t.equal(clientAddress('10.0.0.1', trusted, undefined, 'for=192.0.2.7, for=_hidden'), '10.0.0.1')
  t.equal(clientAddress('10.0.0.1', trusted, undefined, 'proto=https'), '10.0.0.1')
})

t.test('entries may carry ports and brackets', async (t) => {
  t.equal(bareAddress('192.0.2.1:4711'), '192.0.2.1')
  t.equal(bareAddress('[2001:db8::1]:4711'), '2001:db8::1')
  t.equal(bareAddress('[2001:db8::1]'), '2001:db8::1')
  t.equal(bareAddress('2001:db8::1'), '2001:db8::1')
  for (const bad of [
    '192.0.2.1:',
    '192.0.2.1:x',
    '[1.2.3.4]',
    '[::1',
    '[::1]x',
    'example.com',
    '192.0.2.1 x'
  ]) {
    t.equal(bareAddress(bad), undefined, bad)
  }
  t.equal(forParameter('by=x; FOR = "192.0.2.1:_p" '), '192.0.2.1')
  t.equal(forParameter('for="a\\b"'), undefined)
})
