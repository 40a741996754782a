import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Bounds the connections of the admin listener so that a new one always comes in: the one that has been without a call for
 * the longest (idle, or with a head that does not end) is closed for it, and where all have calls under way the oldest of
 * them. So nobody can lock a health check out by holding connections.
 */
export function boundConnections(server: Server, most: number): void {
  /** Without a call under way, the longest first. */
  const idle = new Set<Socket>()
  const busy = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    if (idle.size + busy.size >= most) first(idle.size > 0 ? idle : busy)?.destroy()
    idle.add(socket)
    socket.once('close', () => {
      idle.delete(socket)
      busy.delete(socket)
    })
  })
  server.on('request', ({ socket }, response) => {
    idle.delete(socket)
    busy.add(socket)
    response.once('close', () => {
      if (busy.delete(socket) && !socket.destroyed) idle.add(socket)
    })
  })
}

function first(sockets: ReadonlySet<Socket>): Socket | undefined {
  for (const socket of sockets) return socket
  return undefined
}
