import { connect, type ConnectionOptions } from 'node:tls'
import { Duplex } from 'node:stream'
import t from 'tap'
import { ClientHelloReader, MAX_HELLO_BYTES, type PeekResult } from '../../src/net/tls/client-hello.ts'
import { ServerNames } from '../../src/net/tls/server-names.ts'
import { seededRandom } from '../../src/core/random.ts'

/** The bytes that OpenSSL sends first. */
async function realHello(options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer) {
        resolve(chunk)
        wire.destroy()
      }
    })
    const socket = connect({ socket: wire, ...options })
    socket.on('error', () => {})
  })
}

const read = (...chunks: Buffer[]): PeekResult => {
  const reader = new ClientHelloReader()
  let result: PeekResult = 'more'
  for (const chunk of chunks) result = reader.push(chunk, 0, chunk.length)
  return result
}

/** The same handshake message in records of `size` bytes. */
function fragment(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(records)
}

function record(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([22, 3, 1, message.length >> 8, message.length & 255]), message])
}

const u16 = (n: number) => Buffer.from([n >> 8, n & 255])
const extension = (type: number, data: Buffer) => Buffer.concat([u16(type), u16(data.length), data])
const sni = (name: string, type = 0) => {
  const entry = Buffer.concat([Buffer.from([type]), u16(name.length), Buffer.from(name)])
  return extension(0, Buffer.concat([u16(entry.length), entry]))
}

/** A hello made by hand. */
function hello(...extensions: Buffer[]): Buffer {
  const list = Buffer.concat(extensions)
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    u16(4),
    // GREASE (RFC 8701) among the cipher suites.
    Buffer.from([0x0a, 0x0a, 0x13, 0x01]),
    Buffer.from([1, 0]),
    u16(list.length),
    list
  ])
  return record(Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]))
}

t.test('the name and the protocols of a real ClientHello', async (t) => {
  const bytes = await realHello({ servername: 'db.Example', ALPNProtocols: ['postgresql', 'x'] })
  t.has(read(bytes), { serverName: 'db.example', alpn: ['postgresql', 'x'] })
  t.has(read(await realHello({ host: '10.0.0.1' })), { serverName: undefined, alpn: [] })
  t.has(read(await realHello({ servername: 'a.test', maxVersion: 'TLSv1.2' })), {
    serverName: 'a.test',
    alpn: []
  })
})

t.test('however it is split over reads and records', async (t) => {
  const bytes = await realHello({ servername: 'db.example', ALPNProtocols: ['h2'] })
  const expected = { serverName: 'db.example', alpn: ['h2'] }
  for (let cut = 1; cut < bytes.length; cut++) {
    const reader = new ClientHelloReader()
    t.equal(reader.push(bytes, 0, cut), 'more')
    t.has(reader.push(bytes, cut, bytes.length), expected)
  }
  t.has(read(...Array.from(bytes, (byte) => Buffer.from([byte]))), expected, 'byte by byte')
  for (const size of [1, 2, 3, 5, 64, 700]) t.has(read(fragment(bytes, size)), expected, `records of ${size}`)
})

t.test('what follows the ClientHello does not matter', async (t) => {
  const bytes = hello(sni('a.test'))
  const early = Buffer.from([20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 2, 9, 9])
  t.has(read(Buffer.concat([bytes, early])), { serverName: 'a.test', alpn: [] })
})

t.test('unknown extensions and GREASE are skipped', async (t) => {
  const grease = extension(0x2a2a, Buffer.from('anything'))
  t.has(read(hello(grease, extension(21, Buffer.alloc(500)), sni('a.test'), grease)), {
    serverName: 'a.test',
    alpn: []
  })
  t.has(read(hello(grease)), { serverName: undefined, alpn: [] })
})

t.test('a name that is not a host name counts as none', async (t) => {
  for (const name of ['', '.', 'a..b', 'a b', 'ä.test', 'a\0.test', 'x'.repeat(256), '*.test', '[::1]']) {
    t.has(read(hello(sni(name))), { serverName: undefined, alpn: [] }, JSON.stringify(name))
  }
  t.has(read(hello(sni('A.Test.'))), { serverName: 'a.test', alpn: [] })
  t.has(read(hello(sni('a.test', 9))), { serverName: undefined, alpn: [] }, 'another type of name')
})

t.test('bytes that are not a ClientHello are recognised as soon as possible', async (t) => {
  for (const [what, bytes] of Object.entries({
    http: Buffer.from('GET / HTTP/1.1\r\n'),
    ssh: Buffer.from('S'),
    'an alert': Buffer.from([21, 3, 1, 0, 2, 2, 40]),
    'version 2 of the record layer': Buffer.from([22, 2]),
    'an empty record': Buffer.from([22, 3, 1, 0, 0]),
    'a record over 16 KiB': Buffer.from([22, 3, 1, 0x40, 1]),
    'a ServerHello': record(Buffer.from([2, 0, 0, 1, 0])),
    'a hello over 16 KiB': record(Buffer.from([1, 0, 0x40, 1])),
    'lengths that do not add up': record(Buffer.from([1, 0, 0, 4, 3, 3, 9, 9]))
  })) {
    t.equal(read(bytes), 'not-tls', what)
  }
})

t.test('a hello that never ends is given up after 16 KiB', async (t) => {
  const reader = new ClientHelloReader()
  // One byte per record: the message grows slowly, the bytes fast.
  const start = record(Buffer.from([1, 0, 0x3f, 0xff]))
  t.equal(reader.push(start, 0, start.length), 'more')
  const drip = record(Buffer.from([0]))
  let pushed = start.length
  let result: PeekResult = 'more'
  while (result === 'more' && pushed < 2 * MAX_HELLO_BYTES) {
    result = reader.push(drip, 0, drip.length)
    pushed += drip.length
  }
  t.equal(result, 'not-tls')
  t.ok(pushed <= MAX_HELLO_BYTES + drip.length)
})

t.test('ten thousand mutated hellos do no harm', async (t) => {
  const seed = await realHello({ servername: 'db.example', ALPNProtocols: ['h2'] })
  const random = seededRandom(11)
  let names = 0
  for (let i = 0; i < 10_000; i++) {
    const bytes = Buffer.from(seed)
    for (let n = 0; n < 4; n++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    const result = read(bytes)
    if (typeof result === 'object' && result.serverName !== undefined) names++
  }
  t.ok(names > 0 && names < 10_000, `${names} still have a name`)
})

t.test('names: exact before wildcards, the longest wildcard first, the first of equals', async (t) => {
  const names = new ServerNames(
    [
      ['db.example', 1],
      ['*.example', 2],
      ['*.internal.example', 3],
      ['*.example', 4],
      ['X.Example', 5]
    ] as const,
    false
  )
  t.equal(names.find('db.example'), 1)
  t.equal(names.find('x.example'), 5)
  t.equal(names.find('a.example'), 2)
  t.equal(names.find('a.b.internal.example'), 3)
  t.equal(names.find('internal.example'), 2)
  t.equal(names.find('example'), undefined, 'a wildcard does not stand for nothing')
  t.equal(names.find('other.test'), undefined)
  const certificates = new ServerNames([['*.example', 1]] as const, true)
  t.equal(certificates.find('a.example'), 1)
  t.equal(certificates.find('a.b.example'), undefined, 'in certificates it stands for one label')
})
