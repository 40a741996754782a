import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { contain } from '../../core/containment.ts'
import { rawTls } from '../tls/raw-tls.ts'
import type { StreamHandle } from '../descriptors/bind-stream.ts'
import { leavesNoneForBackends } from './descriptors.ts'
import { rawStreams, failure, UV_EMFILE, type RawHandle } from './raw-streams.ts'
import { RawTransport } from './raw-transport.ts'
import { SocketTransport, type SocketHandle } from './socket-transport.ts'
import type { Transport, TransportOwner } from './transport.ts'

/** The listening handle inside of a net.Server, as far as it is used here. Not public API: checked before use. */
interface ListenHandle {
  onconnection?: (status: number, client: SocketHandle | undefined) => void
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, seconds: number): number
}

/** Creates the Transport of a connection for its owner; `underTls`: one that TLS can be put on (see TlsServer). */
export type Attach = (owner: TransportOwner, underTls?: boolean) => Transport

/** Creates the owner of an accepted connection. */
export type Accept = (attach: Attach) => void

const KEEP_ALIVE_SECONDS = 60

/**
 * Listens and passes on every accepted connection as a Transport. Where possible the listening handle's own callback is
 * used, since net.Server would create a Socket with read buffers of its own that would be discarded at once. `onError`
 * gets failed accepts (EMFILE …) and later failures of the server.
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
 * The same for a socket that is bound already (or listens through another descriptor). Throws the error of listen(2).
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

/** Linux copies these options to accepted sockets: five system calls less per connection. */
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

/**
 * Passes on a connection. An exception of the engine ends that connection only; `drop` closes one that got no
 * Transport.
 */
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
