import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../src/core/random.ts'
import { crc32c } from '../../src/net/proxy-protocol/crc32c.ts'
import type { ParsedHeader, ProxyHeader } from '../../src/net/proxy-protocol/header.ts'
import { parseProxyHeader } from '../../src/net/proxy-protocol/parse.ts'
import { proxyProtocolHeader } from '../../src/net/proxy-protocol/write.ts'

const parse = (bytes: Buffer | string): ParsedHeader => {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return parseProxyHeader(buffer, 0, buffer.length)
}
const header = (bytes: Buffer | string): ProxyHeader => {
  const parsed = parse(bytes)
  if (parsed.kind !== 'header') throw new Error(JSON.stringify(parsed))
  return parsed.header
}
const signature = '\r\n\r\n\0\r\nQUIT\n'
const v2 = (command: number, family: number, body: Buffer, length = body.length) =>
  Buffer.concat([
    Buffer.from(signature, 'latin1'),
    Buffer.from([command, family, length >> 8, length & 255]),
    body
  ])
const tlv = (type: number, value: Buffer | string) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 255]), bytes])
}
const ip4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x01, 0xbb])
const ip6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db80000000000000000000000ff', 'hex'),
  Buffer.from([0x12, 0x34, 0x01, 0xbb])
])
const ends = ({ source, destination }: ProxyHeader) => [source, destination]

t.test('v1: the lines of the specification (§2.1)', async (t) => {
  t.same(ends(header('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n')), [
    { address: '255.255.255.255', port: 65_535 },
    { address: '255.255.255.255', port: 65_535 }
  ])
  const longest = 'ffff:f...f:ffff'.replace('f...f', 'ffff:ffff:ffff:ffff:ffff:ffff')
  t.same(header(`PROXY TCP6 ${longest} ${longest} 65535 65535\r\n`).source?.address, longest)
  t.same(ends(header('PROXY UNKNOWN\r\n')), [undefined, undefined])
  const padded = header(`PROXY UNKNOWN ${longest} ${longest} 65535 65535\r\n`)
  t.same(ends(padded), [undefined, undefined])
  t.same(ends(header('PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n')), [
    { address: '192.168.0.1', port: 56_324 },
    { address: '192.168.0.11', port: 443 }
  ])
  t.equal(header('PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n').source?.address, '192.0.2.1')
})

t.test('v1: everything else is refused', async (t) => {
  for (const line of [
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 -1 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n',
    'PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n',
    'PROXY TCP4 192.168.000.1 192.168.0.11 56324 443\r\n',
    'PROXY TCP4 ::1 ::1 56324 443\r\n',
    'PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 56324 443\r\n',
    'PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n',
    'PROXY UNKNOWNX\r\n',
    'proxy TCP4 192.168.0.1 192.168.0.11 56324 443\r\n',
    `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
    'GET / HTTP/1.1\r\n',
    '\0'
  ]) {
    t.equal(parse(line).kind, 'bad', JSON.stringify(line))
  }
  t.equal(parse(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`).kind, 'header', '107 bytes are the longest')
})

t.test('v2: both families, LOCAL, UNSPEC and AF_UNIX', async (t) => {
  t.same(header(v2(0x21, 0x11, ip4)), {
    version: 2,
    local: false,
    source: { address: '192.0.2.1', port: 4660 },
    destination: { address: '198.51.100.2', port: 443 },
    authority: undefined,
    alpn: undefined
  })
  t.same(ends(header(v2(0x21, 0x21, ip6))), [
    { address: '2001:db8::1', port: 4660 },
    { address: '2001:db8::ff', port: 443 }
  ])
  const local = header(v2(0x20, 0x00, Buffer.alloc(0)))
  t.same([local.local, ...ends(local)], [true, undefined, undefined])
  t.equal(header(v2(0x20, 0x11, ip4)).source, undefined, 'addresses of LOCAL are ignored')
  t.same(ends(header(v2(0x21, 0x00, Buffer.from('anything')))), [undefined, undefined])
  t.same(ends(header(v2(0x21, 0x31, Buffer.alloc(216, 'a')))), [undefined, undefined])
})

t.test('v2: TLVs are read or skipped, a checksum must fit', async (t) => {
  const tlvs = Buffer.concat([
    tlv(0x04, 'pad'),
    tlv(0x01, 'h2'),
    tlv(0x02, 'db.example'),
    tlv(0xea, 'vendor')
  ])
  const { authority, alpn } = header(v2(0x21, 0x11, Buffer.concat([ip4, tlvs])))
  t.same([authority, alpn], ['db.example', 'h2'])
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283, 'RFC 3720: the check value of CRC-32C')
  const summed = v2(0x21, 0x11, Buffer.concat([ip4, tlv(0x03, Buffer.alloc(4)), tlv(0x02, 'x')]))
  const at = summed.length - 8
  summed.writeUInt32BE(crc32c(summed), at)
  t.equal(header(summed).authority, 'x')
  summed[20]! ^= 1
  t.equal(parse(summed).kind, 'bad')
})

t.test('v2: everything else is refused', async (t) => {
  for (const [what, bytes] of Object.entries({
    'version 1': v2(0x11, 0x11, ip4),
    'command 2': v2(0x22, 0x11, ip4),
    'family 4': v2(0x21, 0x41, ip4),
    'transport 3': v2(0x21, 0x13, ip4),
    'short addresses': v2(0x21, 0x11, ip4.subarray(1)),
    'over 4 KiB': v2(0x21, 0x11, ip4, 4081),
    'a TLV cut off': v2(0x21, 0x11, Buffer.concat([ip4, Buffer.from([2, 0])])),
    'a TLV too long': v2(0x21, 0x11, Buffer.concat([ip4, Buffer.from([2, 0, 5, 1])])),
    'a checksum of three bytes': v2(0x21, 0x11, Buffer.concat([ip4, tlv(3, 'abc')]))
  })) {
    t.equal(parse(bytes).kind, 'bad', what)
  }
})

t.test('every split of a header asks for more until it is whole, and the rest is left alone', async (t) => {
  for (const bytes of [
    Buffer.from('PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n'),
    v2(0x21, 0x21, Buffer.concat([ip6, tlv(2, 'name')]))
  ]) {
    for (let cut = 1; cut < bytes.length; cut++) t.equal(parse(bytes.subarray(0, cut)).kind, 'more')
    const parsed = parse(Buffer.concat([bytes, Buffer.from('rest')]))
    t.match(parsed, { kind: 'header', length: bytes.length })
  }
})

t.test('a thousand mutated headers are refused or read, never a crash, never past their end', async (t) => {
  const random = seededRandom(7)
  const below = (n: number) => Math.floor(random() * n)
  const seeds = [
    Buffer.from('PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n'),
    Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n'),
    v2(0x21, 0x11, Buffer.concat([ip4, tlv(1, 'h2'), tlv(2, 'name')])),
    v2(0x21, 0x21, Buffer.concat([ip6, tlv(3, Buffer.alloc(4))]))
  ]
  let refused = 0
  for (let i = 0; i < 1000; i++) {
    const bytes = Buffer.from(seeds[i % seeds.length]!)
    // The first twelve bytes decide which version it is: there too, but not only there.
    for (let n = 1 + below(3); n > 0; n--) bytes[below(bytes.length)] = below(256)
    const parsed = parse(bytes)
    if (parsed.kind === 'bad') refused++
    else if (parsed.kind === 'header') t.ok(parsed.length <= bytes.length)
  }
  t.ok(refused > 700, `${refused} of 1000 refused`)
})

t.test('a written header is parsed to the same addresses, in every mix of families', async (t) => {
  const address = fc.oneof(fc.ipV4(), fc.constantFrom('::1', '2001:db8::a', 'fe80::1', '1:2:3:4:5:6:7:8'))
  const end = fc.record({ address, port: fc.integer({ min: 0, max: 65_535 }) })
  fc.assert(
    fc.property(end, end, fc.constantFrom('v1', 'v2'), (client, server, version) => {
      const read = header(proxyProtocolHeader(version, client, server, { authority: 'a.test', alpn: 'h2' }))
      t.same(ends(read), [client, server])
      t.same([read.authority, read.alpn], version === 'v2' ? ['a.test', 'h2'] : [undefined, undefined])
    }),
    { numRuns: 300 }
  )
  for (const version of ['v1', 'v2'] as const) {
    t.same(ends(header(proxyProtocolHeader(version, undefined, { address: '::1', port: 1 }))), [
      undefined,
      undefined
    ])
  }
})
