import type { TLSSocket } from 'node:tls'
import type { BackendAddress } from '../../config/model/model.ts'
import { guarded } from '../../core/containment.ts'
import type { UpstreamTls } from '../tls/upstream-tls.ts'
import type { Transport } from '../transport/transport.ts'
import { offeredSession } from './dial-failure.ts'

/** `transport` tells its owner once the handshake is done. Sessions that the backend gives are kept for later connections. */
export function tellWhenSecure(
  socket: TLSSocket,
  transport: Transport,
  tls: UpstreamTls,
  address: BackendAddress
): void {
  socket.on('session', (session) => guarded(() => tls.remember(address, session)))
  socket.once('secureConnect', () => {
    if (socket.isSessionReused()) tls.taken(address)
    transport.tellConnect()
  })
}

/** The connection has ended with `error` before its handshake was done; `session` was offered. */
export function handshakeFailed(
  tls: UpstreamTls | undefined,
  address: BackendAddress,
  session: Buffer | undefined,
  error: Error | undefined,
  now: number
): void {
  if (session === undefined || error === undefined) return
  tls!.refused(address, session, now)
  offeredSession(error)
}
