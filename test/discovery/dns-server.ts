import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { freePort } from '../free-port.ts'

export type DnsMode =
  'ok' | 'servfail' | 'nxdomain' | 'refused' | 'empty' | 'garbage' | 'silent' | 'truncated'

const CODES: Partial<Record<DnsMode, number>> = { servfail: 2, nxdomain: 3, refused: 5 }
const TYPES = { a: 1, cname: 5, aaaa: 28, srv: 33 } as const
const TYPE_A = TYPES.a

/** What a name has. */
export interface Names {
  readonly a?: readonly string[]
  /** As sixteen bytes in hex. */
  readonly aaaa?: readonly string[]
  readonly cname?: string
  readonly srv?: readonly {
    readonly priority: number
    readonly weight: number
    readonly port: number
    readonly target: string
  }[]
  /** SERVFAIL for it, or for one family of it. */
  readonly fails?: boolean | 'a' | 'aaaa'
}

/** A DNS server for one name with IPv4 addresses, that can be ill in all the ways that servers are. */
export class DnsServer {
  mode: DnsMode = 'ok'
  ttl = 1
  addresses: readonly string[]
  /** In place of `addresses`, for any name; those that are not in it do not exist. */
  zone: Map<string, Names> | undefined
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
    if (this.zone !== undefined) return zoneReply(this.zone, this.ttl, query, question, asked)
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

function nameBytes(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'))
  return Buffer.concat([...labels, Buffer.alloc(1)])
}

function failsFor({ fails }: Names, asked: number): boolean {
  return fails === true || (typeof fails === 'string' && TYPES[fails] === asked)
}

function zoneReply(
  zone: ReadonlyMap<string, Names>,
  ttl: number,
  query: Buffer,
  question: Buffer,
  asked: number
): Buffer {
  const records: Buffer[] = []
  const add = (name: string, type: number, data: Buffer) => {
    const head = Buffer.alloc(10)
    head.writeUInt16BE(type, 0)
    head.writeUInt16BE(1, 2)
    head.writeUInt32BE(ttl, 4)
    head.writeUInt16BE(data.length, 8)
    records.push(Buffer.concat([nameBytes(name), head, data]))
  }
  const labels: string[] = []
  for (let at = 0; question[at] !== 0; at += question[at]! + 1) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]!))
  }
  let name = labels.join('.')
  let names = zone.get(name)
  while (names?.cname !== undefined) {
    add(name, TYPES.cname, nameBytes(names.cname))
    name = names.cname
    names = zone.get(name)
  }
  if (asked === TYPES.a)
    for (const each of names?.a ?? []) add(name, asked, Buffer.from(each.split('.').map(Number)))
  if (asked === TYPES.aaaa) for (const each of names?.aaaa ?? []) add(name, asked, Buffer.from(each, 'hex'))
  if (asked === TYPES.srv) {
    for (const { priority, weight, port, target } of names?.srv ?? []) {
      const numbers = Buffer.alloc(6)
      for (const [i, number] of [priority, weight, port].entries()) numbers.writeUInt16BE(number, 2 * i)
      add(name, asked, Buffer.concat([numbers, nameBytes(target)]))
    }
  }
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | (names === undefined ? 3 : failsFor(names, asked) ? 2 : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, question, ...records])
}
