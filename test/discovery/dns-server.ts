import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { freePort } from '../free-port.ts'

export type DnsMode =
  'ok' | 'servfail' | 'nxdomain' | 'refused' | 'empty' | 'garbage' | 'silent' | 'truncated'

const CODES: Partial<Record<DnsMode, number>> = { servfail: 2, nxdomain: 3, refused: 5 }
const TYPE_A = 1

/** A DNS server for one name with IPv4 addresses, that can be ill in all the ways that servers are. */
export class DnsServer {
  mode: DnsMode = 'ok'
  ttl = 1
  addresses: readonly string[]
  readonly port: number

  private constructor(port: number, addresses: readonly string[]) {
    this.port = port
    this.addresses = addresses
  }

  static async start(t: Test, addresses: readonly string[]): Promise<DnsServer> {
    const server = new DnsServer(await freePort(), addresses)
    const datagrams = createSocket('udp4')
    datagrams.on('message', (query, { port, address }) => {
      const reply = server.#reply(query, server.mode === 'truncated')
      if (reply !== undefined) datagrams.send(reply, port, address)
    })
    datagrams.bind(server.port, '127.0.0.1')
    await once(datagrams, 'listening')
    const streams = createServer((socket) => server.#stream(socket)).listen(server.port, '127.0.0.1')
    await once(streams, 'listening')
    t.teardown(() => {
      datagrams.close()
      streams.close()
    })
    return server
  }

  #stream(socket: Socket): void {
    let rest = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0)
        const reply = this.#reply(rest.subarray(2, end), false)
        rest = rest.subarray(end)
        if (reply === undefined) continue
        const length = Buffer.alloc(2)
        length.writeUInt16BE(reply.length)
        socket.write(Buffer.concat([length, reply]))
      }
    })
  }

  #reply(query: Buffer, truncated: boolean): Buffer | undefined {
    const { mode } = this
    if (mode === 'silent') return undefined
    if (mode === 'garbage') return Buffer.concat([query.subarray(0, 2), Buffer.from('nonsense')])
    let end = 12
    while (query[end] !== 0) end += query[end]! + 1
    const asked = query.readUInt16BE(end + 1)
    const question = query.subarray(12, end + 5)
    const good = mode === 'ok' || mode === 'truncated'
    const found = good && !truncated && asked === TYPE_A ? this.addresses : []
    const head = Buffer.alloc(12)
    query.copy(head, 0, 0, 2)
    head.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | (CODES[mode] ?? 0), 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(found.length, 6)
    const records = found.map((address) => {
      const record = Buffer.from([
        0xc0,
        12,
        0,
        TYPE_A,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        4,
        ...address.split('.').map(Number)
      ])
      record.writeUInt32BE(this.ttl, 6)
      return record
    })
    return Buffer.concat([head, question, ...records])
  }
}
