import type { SocketName, Transport } from '../transport/transport.ts'

/** One end of a TCP connection. The address is IPv4 or IPv6 text; never an IPv4-mapped IPv6 address. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** The peer's address; undefined on a unix socket and once the connection is closed. A system call, then cached. */
export function remoteEndpoint(transport: Transport): Endpoint | undefined {
  return plainEndpoint(transport.remote)
}

/** The address and port that the peer connected to. */
export function localEndpoint(transport: Transport): Endpoint | undefined {
  return plainEndpoint(transport.local)
}

/** `192.0.2.1:4711`, `[2001:db8::1]:4711`, for logs. */
export function endpointText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** As logs and rules know it. */
export function plainEndpoint(name: SocketName | undefined): Endpoint | undefined {
  // A dual-stack socket reports IPv4 peers this way; rules and logs use their IPv4 address.
  return name?.address.startsWith('::ffff:') ? { address: name.address.slice(7), port: name.port } : name
}
