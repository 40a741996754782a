import type { Endpoint } from '../dial/endpoint.ts'
import { ipWords, parseIp } from '../address/ip-address.ts'
import { V2_SIGNATURE } from './parse-v2.ts'
import type { TlsFacts } from '../tls/tls-facts.ts'
import { sslTlv } from './ssl-tlv.ts'
import { PP2_TYPE_ALPN, PP2_TYPE_AUTHORITY, tlv } from './tlvs.ts'

export interface ProxyTlvs {
  /** The name that the client requested (SNI). v2 only. */
  readonly authority?: string
  /** The protocol negotiated by ALPN. v2 only. */
  readonly alpn?: string
  /** The client's TLS, if it was terminated here. v2 only. */
  readonly ssl?: TlsFacts
}

/** PROXY over … : version 2, command 1. */
const V2_PROXY = 0x21
const V2_LOCAL = 0x20
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21
const UNSPEC = 0x00

/**
 * The PROXY header for a connection of `client` to `server` (the address it connected to). Without both (a client on a
 * unix socket) it is UNKNOWN. Different families are both written as IPv6, with the IPv4 address mapped.
 */
export function proxyProtocolHeader(
  version: 'v1' | 'v2',
  client: Endpoint | undefined,
  server: Endpoint | undefined,
  tlvs: ProxyTlvs = {},
  datagram = false
): Buffer {
  const from = client === undefined ? undefined : addressOf(client)
  const to = server === undefined ? undefined : addressOf(server)
  if (version === 'v1') return Buffer.from(v1Line(from, to), 'latin1')
  const known = from !== undefined && to !== undefined
  const v4 = known && from.family === 4 && to.family === 4
  const body: Buffer[] = []
  if (known) {
    const ports = Buffer.alloc(4)
    ports.writeUInt16BE(from.port, 0)
    ports.writeUInt16BE(to.port, 2)
    body.push(v4 ? from.v4 : from.v6, v4 ? to.v4 : to.v6, ports)
  }
  if (tlvs.alpn !== undefined) body.push(tlv(PP2_TYPE_ALPN, Buffer.from(tlvs.alpn, 'utf8')))
  if (tlvs.authority !== undefined) body.push(tlv(PP2_TYPE_AUTHORITY, Buffer.from(tlvs.authority, 'utf8')))
  if (tlvs.ssl !== undefined) body.push(sslTlv(tlvs.ssl))
  const fixed = Buffer.alloc(4)
  fixed[0] = V2_PROXY
  // The low half means stream (1) or datagram (2).
  fixed[1] = (v4 ? TCP_OVER_IPV4 : known ? TCP_OVER_IPV6 : UNSPEC) + (datagram && known ? 1 : 0)
  fixed.writeUInt16BE(
    body.reduce((sum, part) => sum + part.length, 0),
    2
  )
  return Buffer.concat([V2_SIGNATURE, fixed, ...body])
}

/**
 * The header for a connection of lb itself (a probe): LOCAL. Version 1 has no such command, and servers such as Postfix
 * 3.7 refuse its UNKNOWN, so version 1 names the addresses of this connection, `from` on our side.
 */
export function proxyProtocolLocal(
  version: 'v1' | 'v2',
  from: Endpoint | undefined,
  to: Endpoint | undefined
): Buffer {
  if (version === 'v1') return proxyProtocolHeader('v1', from, to)
  return Buffer.concat([V2_SIGNATURE, Buffer.from([V2_LOCAL, UNSPEC, 0, 0])])
}

interface Address {
  readonly family: 4 | 6
  readonly text: string
  readonly port: number
  /** Four bytes; empty for IPv6. */
  readonly v4: Buffer
  /** Sixteen bytes. */
  readonly v6: Buffer
}

function addressOf({ address, port }: Endpoint): Address | undefined {
  const family = parseIp(address)
  if (family === 0) return undefined
  const v6 = Buffer.alloc(16)
  if (family === 6) {
    for (let i = 0; i < 4; i++) v6.writeUInt32BE(ipWords[i]!, 4 * i)
    const zone = address.indexOf('%')
    return { family, text: zone === -1 ? address : address.slice(0, zone), port, v4: Buffer.alloc(0), v6 }
  }
  v6.writeUInt16BE(0xffff, 10)
  v6.writeUInt32BE(ipWords[0]!, 12)
  return { family, text: v6.subarray(12).join('.'), port, v4: v6.subarray(12), v6 }
}

function v1Line(from: Address | undefined, to: Address | undefined): string {
  if (from === undefined || to === undefined) return 'PROXY UNKNOWN\r\n'
  if (from.family === 4 && to.family === 4) {
    return `PROXY TCP4 ${from.text} ${to.text} ${from.port} ${to.port}\r\n`
  }
  return `PROXY TCP6 ${v6Text(from)} ${v6Text(to)} ${from.port} ${to.port}\r\n`
}

function v6Text({ family, text }: Address): string {
  return family === 4 ? `::ffff:${text}` : text
}
