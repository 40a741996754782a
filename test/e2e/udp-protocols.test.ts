import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { udpBackend, udpClient } from '../l4/udp/udp.ts'
import { startLb, until } from './servers.ts'

/** Imitations of what is sent through UDP listeners: the forms of the packets are those of the protocols, the cryptography is not. */
t.setTimeout(240_000)
const WAIT_MS = 30_000

function listener(udp: object = {}) {
  return { name: 'door', bind: '127.0.0.1:0', mode: 'l4', protocol: 'udp', pool: 'there', udp }
}

/** Sends a client of one address to the same backend, whatever its port. */
const byAddress = { algorithm: 'maglev', hash: { key: 'client-ip' } }

const bytes = (...parts: readonly (readonly number[] | Buffer | string)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part)))
  ).toString('latin1')

t.test('syslog: messages go one way, none is lost, and silence is not a failure', async (t) => {
  const silent = () => {}
  const backends = await Promise.all([udpBackend(t, 'a', silent), udpBackend(t, 'b', silent)])
  const lb = await startLb(t, {
    workers: 2,
    listeners: [listener({ responses: 0, idle: '1s' })],
    pools: { there: { backends: backends.map(({ address }) => address), breaker: { failures: 1 } } }
  })
  const senders = await Promise.all(Array.from({ length: 6 }, () => udpClient(t, lb.port('door'))))
  const sent: string[] = []
  for (let i = 0; i < 10; i++) {
    for (const [who, sender] of senders.entries()) {
      const line = `<134>1 2026-11-27T10:00:00Z host${who} app ${i} - - \u00e9\u0000 message ${i}`
      sent.push(line)
      sender.send(line)
    }
    await until(
      () => backends.reduce((sum, { got }) => sum + got.length, 0) === sent.length,
      'the messages have come'
    )
  }
  const got = backends.flatMap((backend) => backend.got.map(({ text }) => text))
  t.strictSame(got.sort(), sent.sort())
  t.ok(
    senders.every(({ inbox }) => inbox.length === 0),
    'nobody is answered'
  )
  await until(
    () => /lb_connections_open\{listener="door"\} 0\n/.test(lb.running.metrics()),
    'the sessions have ended'
  )
  for (const { breaker, active, open } of lb.running.pools.get('there')!.backends) {
    t.strictSame([breaker, active, open], ['closed', 0, 0])
  }
})

/** A responder of WireGuard's: knows peers by the index it gave them, and answers to wherever they are. */
async function tunnelEnd(t: Test, name: string) {
  const peers = new Map<string, string>()
  const end = await udpBackend(t, name, (text, reply) => {
    const type = text.charCodeAt(0)
    if (type === 1 && text.length === 148) {
      const index = randomBytes(4).toString('latin1')
      peers.set(index, text.slice(4, 8))
      reply(bytes([2, 0, 0, 0], index, text.slice(4, 8), Buffer.alloc(80, 7)))
    } else if (type === 4) {
      const theirs = peers.get(text.slice(4, 8))
      if (theirs !== undefined) reply(bytes([4, 0, 0, 0], theirs, text.slice(8)))
    }
  })
  return Object.assign(end, { peers })
}

t.test('WireGuard: a handshake, data both ways, and a peer whose port changes', async (t) => {
  const ends = await Promise.all(['a', 'b', 'c'].map((name) => tunnelEnd(t, name)))
  const lb = await startLb(t, {
    workers: 2,
    listeners: [listener()],
    pools: { there: { backends: ends.map(({ address }) => address), ...byAddress } }
  })
  let peer = await udpClient(t, lb.port('door'))
  const mine = randomBytes(4)
  const response = await peer.ask(bytes([1, 0, 0, 0], mine, Buffer.alloc(140, 3)), WAIT_MS)
  t.equal(response!.length, 92)
  t.equal(response!.slice(8, 12), mine.toString('latin1'))
  const theirs = response!.slice(4, 8)
  for (let port = 0; port < 6; port++) {
    for (const size of [16, 32, 1400]) {
      const data = randomBytes(size)
      const answer = await peer.ask(bytes([4, 0, 0, 0], theirs, data), WAIT_MS)
      t.equal(answer, bytes([4, 0, 0, 0], mine, data), `${size} bytes from port ${port}`)
    }
    // A NAT has forgotten it: the same peer from another port.
    peer = await udpClient(t, lb.port('door'))
  }
  t.equal(ends.filter(({ peers }) => peers.size > 0).length, 1, 'one end has all of it')
})

/** A server of QUIC's: knows connections by the ids that it chose, and validates a path that is new. */
async function quicEnd(t: Test, name: string) {
  const connections = new Map<string, number>()
  const end = await udpBackend(t, name, (text, reply) => {
    const { port } = end.got.at(-1)!.from
    if ((text.charCodeAt(0) & 0x80) !== 0) {
      // Initial: version, destination id of eight bytes, source id of eight bytes.
      const id = bytes(name, randomBytes(7))
      connections.set(id, port)
      return reply(bytes([0xc0, 0, 0, 0, 1, 8], text.slice(15, 23), [8], id, 'handshake'))
    }
    const id = text.slice(1, 9)
    const path = connections.get(id)
    if (path === undefined) return reply(bytes([0x40], 'stateless reset'))
    if (path !== port && text.slice(9) !== 'PATH_RESPONSE') return reply(bytes([0x40], 'PATH_CHALLENGE'))
    connections.set(id, port)
    reply(bytes([0x40], name, ':', text.slice(9)))
  })
  return end
}

t.test(
  'QUIC: a connection continues from another port, with the backend chosen by the address',
  async (t) => {
    const ends = await Promise.all(['a', 'b', 'c'].map((name) => quicEnd(t, name)))
    const lb = await startLb(t, {
      workers: 2,
      listeners: [listener()],
      pools: { there: { backends: ends.map(({ address }) => address), ...byAddress } }
    })
    const client = await udpClient(t, lb.port('door'))
    const initial = bytes([0xc0, 0, 0, 0, 1, 8], randomBytes(8), [8], randomBytes(8), Buffer.alloc(1177))
    const first = await client.ask(initial, WAIT_MS)
    const id = first!.slice(15, 23)
    const name = id[0]!
    const say = (text: string) => bytes([0x40], id, text)
    t.equal(await client.ask(say('stream 0'), WAIT_MS), `@${name}:stream 0`)
    for (let move = 0; move < 6; move++) {
      const moved = await udpClient(t, lb.port('door'))
      t.equal(await moved.ask(say('stream 1'), WAIT_MS), '@PATH_CHALLENGE', 'its connection is known there')
      t.equal(await moved.ask(say('PATH_RESPONSE'), WAIT_MS), `@${name}:PATH_RESPONSE`)
      t.equal(await moved.ask(say('stream 2'), WAIT_MS), `@${name}:stream 2`)
    }
  }
)
