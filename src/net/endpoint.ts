import type { Transport } from './transport.ts'

/** One end of a TCP connection. The address is IPv4 or IPv6 text; never an IPv4-mapped IPv6 address. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** Who is at the other end; undefined on a unix socket and once the connection is gone. A system call, then cached. */
export function remoteEndpoint(transport: Transport): Endpoint | undefined {
  const { remoteAddress, remotePort } = transport.socket
  return endpoint(remoteAddress, remotePort)
}

/** The address and port that the peer connected to. */
export function localEndpoint(transport: Transport): Endpoint | undefined {
  const { localAddress, localPort } = transport.socket
  return endpoint(localAddress, localPort)
}

/** `192.0.2.1:4711`, `[2001:db8::1]:4711`: as in logs. */
export function endpointText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function endpoint(address: string | undefined, port: number | undefined): Endpoint | undefined {
  if (address === undefined || address === '' || port === undefined) return undefined
  // A dual-stack socket shows IPv4 peers so; everything else knows them by their IPv4 address.
  return { address: address.startsWith('::ffff:') ? address.slice(7) : address, port }
}
