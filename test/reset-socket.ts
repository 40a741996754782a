import type { Socket } from 'node:net'

/**
 * Resets a connection. libuv refuses that in the turn between FIN asked for and FIN sent, and Node then never closes the
 * handle: a test's process spins for ever at its end.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
