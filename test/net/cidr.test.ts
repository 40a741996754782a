import fc from 'fast-check'
import { BlockList, isIP } from 'node:net'
import t from 'tap'
import { compileCidrs } from '../../src/net/address/cidr.ts'
import { isIp } from '../../src/net/address/ip-address.ts'

t.test('a set holds the addresses of its networks and no others', async (t) => {
  const set = compileCidrs(['10.0.0.0/8', '192.168.1.7', '2001:db8::/32', '::1'])
  for (const inside of [
    '10.0.0.0',
    '10.255.255.255',
    '192.168.1.7',
    '2001:db8:ffff::1',
    '::1',
    '0:0:0:0:0:0:0:1'
  ]) {
    t.ok(set.contains(inside), inside)
  }
  for (const outside of [
    '9.255.255.255',
    '11.0.0.0',
    '192.168.1.8',
    '2001:db9::',
    '::2',
    '::',
    '0.0.0.1',
    '',
    'x'
  ]) {
    t.notOk(set.contains(outside), outside)
  }
})

t.test('an IPv4-mapped address counts as the IPv4 address it maps', async (t) => {
  const set = compileCidrs(['10.0.0.0/8'])
  t.ok(set.contains('::ffff:10.1.2.3'))
  t.ok(set.contains('::ffff:0a01:0203'))
  t.notOk(set.contains('::10.1.2.3'), 'the deprecated compatible form is another address')
  t.ok(compileCidrs(['::ffff:10.0.0.0/104']).contains('10.9.9.9'))
  t.notOk(compileCidrs(['::/0']).contains('10.0.0.1'), 'all of IPv6 is not all of IPv4')
})

t.test('a zone id is not part of the address, and no part of a network', async (t) => {
  t.ok(compileCidrs(['fe80::/10']).contains('fe80::1%eth0'))
  t.throws(() => compileCidrs(['fe80::%eth0/10']), RangeError)
})

t.test('nested and repeated networks are merged', async (t) => {
  const set = compileCidrs(['10.1.0.0/16', '10.0.0.0/8', '10.0.0.0/8', '10.255.255.255/32', '0.0.0.0/0'])
  t.equal(set.size, 1)
  t.ok(set.contains('255.255.255.255'))
})

t.test('malformed networks are refused', async (t) => {
  for (const bad of [
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '010.0.0.1',
    '10.0.0.1/',
    '10.0.0.1/08',
    '10.0.0.1/-1',
    '::/129',
    '1::2::3',
    ':::',
    '::ffff:1.2.3.4/95',
    '1.2.3.4.5',
    '256.1.1.1',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '10.0.0.0/8/8'
  ]) {
    t.throws(() => compileCidrs([bad]), RangeError, JSON.stringify(bad))
  }
})

const v4 = fc.ipV4()
const v6 = fc.ipV6()

t.test('addresses are recognised as node:net recognises them', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(v4, v6, fc.stringMatching(/^[0-9a-f:.]{0,20}$/)),
      (text) => isIp(text) === isIP(text) > 0
    ),
    { numRuns: 5000 }
  )
  t.pass('5,000 texts')
})

t.test('a set agrees with the BlockList of node:net', async (t) => {
  const isMapped = (ip: string): boolean => /^[0:]*:ffff:/i.test(ip)
  // One family at a time: to BlockList ::/0 holds all of IPv4 as well.
  for (const [family, ip, bits] of [['ipv4', v4, 32] as const, ['ipv6', v6, 128] as const]) {
    const network = fc.tuple(ip, fc.integer({ min: 0, max: bits }))
    fc.assert(
      fc.property(fc.array(network, { minLength: 1, maxLength: 6 }), ip, (networks, address) => {
        fc.pre(!isMapped(address) && !networks.some(([first]) => isMapped(first)))
        const list = new BlockList()
        for (const [first, prefix] of networks) list.addSubnet(first, prefix, family)
        const set = compileCidrs(networks.map(([first, prefix]) => `${first}/${prefix}`))
        return [address, networks[0]![0]].every((probe) => set.contains(probe) === list.check(probe, family))
      }),
      { numRuns: 2000 }
    )
  }
  t.pass('2,000 sets of each family')
})
