import type { Socket } from 'node:net'
import { leavesNoneForUs } from '../transport/descriptors.ts'
import { failure, UV_EMFILE } from '../transport/raw-streams.ts'

/** Closes a socket of node:net or node:tls with EMFILE if what it connects with is of the reserve, as raw-dial.ts does. */
export function keepReserve(socket: Socket): void {
  const look = (): void => {
    const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null }
    if (leavesNoneForUs(handle?.fd ?? -1)) socket.destroy(failure('connect', UV_EMFILE))
  }
  // Told before connect(2), which is where the descriptor comes from; a name's address is known later than the call.
  socket.on('connectionAttempt', () => process.nextTick(look))
  process.nextTick(look)
}
