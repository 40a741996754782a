import net from 'node:net'
import tls from 'node:tls'
import type { ProbeConfig } from '../../config/model/model.ts'
import type { Endpoint } from '../../net/dial/endpoint.ts'
import { placeOf } from '../../net/dial/dial.ts'
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
export function clearSocket(target: ProbeTarget, signal: AbortSignal): Promise<net.Socket> {
  const { address, config } = target
  const socket =
    address.kind === 'unix'
      ? net.connect({ path: address.path })
      : net.connect(placeOf(address, { lookup: threadLookup(), source: config.source }))
  return ready(socket, 'connect', signal).then(() => {
    const header = probeHeader(
      config,
      endpoint(socket.localAddress, socket.localPort),
      endpoint(socket.remoteAddress, socket.remotePort)
    )
    if (header !== undefined) socket.write(header)
    return socket
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
    socket.once(event, () => resolve(socket))
  })
}
