import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { contain } from '../../core/containment.ts'
import { rawTls } from '../tls/raw-tls.ts'
import type { StreamHandle } from '../descriptors/bind-stream.ts'
import { leavesNoneForBackends } from './descriptors.ts'
import { rawStreams, failure, UV_EMFILE, type RawHandle } from './raw-streams.ts'
import { RawTransport } from './raw-transport.ts'
import { SocketTransport, type SocketHandle } from './socket-transport.ts'
import type { Transport, TransportOwner } from './transport.ts'

/** The listening handle under a net.Server, as far as it is used here. Not public API: tested for before use. */
interface ListenHandle {
  onconnection?: (status: number, client: SocketHandle | undefined) => void
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, seconds: number): number
}

/** Gives the owner of a connection its Transport; `underTls`: one that TLS can be put over (see TlsServer). */
export type Attach = (owner: TransportOwner, underTls?: boolean) => Transport

/** Makes the owner of a connection just accepted. */
export type Accept = (attach: Attach) => void

const KEEP_ALIVE_SECONDS = 60

/**
 * Listens and hands every accepted connection over as a Transport. The listening handle's own callback is used
 * where it can be, since net.Server would build a Socket that reads into fresh memory, to be thrown away at once;
 * `onError` hears of failed accepts (EMFILE …) and of a server that breaks later.
 */
export function listen(
  options: ListenOptions,
  accept: Accept,
  onError: (error: Error) => void
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true })
  server.on('connection', (socket: Socket) =>
    enter(
      accept,
      (owner) => SocketTransport.overSocket(socket, owner),
      () => socket.destroy()
    )
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      server.on('error', onError)
      takeOver((server as unknown as { _handle?: ListenHandle })._handle, accept, onError)
      resolve(server)
    })
  })
}

/**
 * The same over a socket that is bound already (or listens: another descriptor of it does). Throws what listen(2) says.
 */
export function listenOver(
  handle: StreamHandle,
  backlog: number,
  accept: Accept,
  onError: (error: Error) => void
): void {
  const onconnection: ListenHandle['onconnection'] = (_, client) => client?.close(() => {})
  takeOver(Object.assign(handle, { onconnection }) as ListenHandle, accept, onError)
  const status = handle.listen(backlog)
  if (status < 0) throw failure('listen', status)
}

/** Linux hands these down to accepted sockets: five system calls per connection less. */
export function setInherited(handle: ListenHandle | StreamHandle): void {
  handle.setNoDelay?.(true)
  handle.setKeepAlive?.(true, KEEP_ALIVE_SECONDS)
}

function takeOver(handle: ListenHandle | undefined, accept: Accept, onError: (error: Error) => void): void {
  if (handle === undefined || typeof handle.onconnection !== 'function') return
  const fallback = handle.onconnection
  setInherited(handle)
  handle.onconnection = function (this: unknown, status, client) {
    if (client === undefined) return onError(failure('accept', status))
    if (leavesNoneForBackends(client.fd ?? -1)) {
      if (client.reset?.(() => {}) !== 0) client.close(() => {})
      return onError(failure('accept', UV_EMFILE))
    }
    if (typeof client.useUserBuffer !== 'function') return fallback.call(this, status, client)
    enter(
      accept,
      (owner, underTls) =>
        rawStreams === undefined || (underTls && rawTls === undefined)
          ? SocketTransport.overHandle(client, owner)
          : RawTransport.accepted(client as RawHandle, owner),
      () => client.close(() => {})
    )
  }
}

/** Hands a connection over. What the engine throws ends that connection; `drop` closes one that got no Transport. */
function enter(accept: Accept, attach: Attach, drop: () => void): void {
  let transport: Transport | undefined
  try {
    accept((owner, underTls) => (transport = attach(owner, underTls)))
  } catch (error) {
    if (transport !== undefined) return transport.failed(error)
    contain(error)
    drop()
  }
}
