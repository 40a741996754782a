import net from 'node:net'
import tls from 'node:tls'
import type { ProbeConfig } from '../../config/model/model.ts'
import type { Endpoint } from '../../net/dial/endpoint.ts'
import { dialSockets, placeOf } from '../../net/dial/socket-dial.ts'
import { threadLookup } from '../../net/dial/lookup.ts'
import { proxyProtocolLocal } from '../../net/proxy-protocol/write.ts'
import type { ProbeTarget } from '../probe.ts'
import { probeTlsOptions } from './backend-tls.ts'

/** What a connection of ours begins with where the backends expect a PROXY header: it carries no client. */
export function probeHeader(
  { proxyProtocol }: ProbeConfig,
  local: Endpoint | undefined,
  remote: Endpoint | undefined
): Buffer | undefined {
  return proxyProtocol === undefined ? undefined : proxyProtocolLocal(proxyProtocol, local, remote)
}

/** Undefined for the ends of a unix socket. */
function endpoint(address: string | undefined, port: number | undefined): Endpoint | undefined {
  return address === undefined || port === undefined ? undefined : { address, port }
}

/** A connection of node:net, by the addresses that the workers use too, with the PROXY header sent. */
export async function clearSocket(target: ProbeTarget, signal: AbortSignal): Promise<net.Socket> {
  const { config } = target
  const socket = await connected(target, signal)
  const header = probeHeader(
    config,
    endpoint(socket.localAddress, socket.localPort),
    endpoint(socket.remoteAddress, socket.remotePort)
  )
  if (header !== undefined) socket.write(header)
  return socket
}

function connected({ address, config }: ProbeTarget, signal: AbortSignal): Promise<net.Socket> {
  if (address.kind === 'unix') return ready(net.connect({ path: address.path }), 'connect', signal)
  const { host, port } = address
  const { source } = config
  if (net.isIP(host) !== 0) return ready(net.connect(placeOf(host, port, source)), 'connect', signal)
  return new Promise((resolve, reject) => {
    const dialling = dialSockets(address, threadLookup(), source, {
      open: (place) => net.connect(place),
      connected(socket) {
        endsWith(signal, socket, reject)
        resolve(socket)
      },
      failed: reject
    })
    signal.addEventListener(
      'abort',
      () => {
        dialling.cancel()
        reject(signal.reason as Error)
      },
      { once: true }
    )
  })
}

/** The same with a TLS handshake, which comes after the PROXY header. */
export async function secureSocket(
  target: ProbeTarget,
  signal: AbortSignal,
  alpn?: readonly string[]
): Promise<tls.TLSSocket> {
  const options = await probeTlsOptions(target)
  signal.throwIfAborted()
  const socket = await clearSocket(target, signal)
  return ready(
    tls.connect({ ...options, socket, ...(alpn !== undefined && { ALPNProtocols: [...alpn] }) }),
    'secureConnect',
    signal
  )
}

/** Connected first, so that a refusal is told as one. A socket that is not wanted any more is destroyed. */
function ready<T extends net.Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    endsWith(signal, socket, reject)
    socket.once(event, () => resolve(socket))
  })
}

/** `reject` hears of the first that ends the socket. */
function endsWith(signal: AbortSignal, socket: net.Socket, reject: (reason: Error) => void): void {
  signal.addEventListener(
    'abort',
    () => {
      reject(signal.reason as Error)
      socket.destroy()
    },
    { once: true }
  )
  socket.on('error', reject)
  socket.once('close', () => reject(new Error('closed')))
}
