import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Bounds the connections of the admin listener so that a new one always comes in. The one that goes for it is of the address
 * that has the most: the one that has been without a call for the longest there (idle, or with a head that does not end), and
 * where all have calls under way the oldest of them. So nobody can lock a health check out by holding connections, or by
 * opening new ones all the time.
 *
 * Returns what closes all that have no call under way, also those that never said anything, which `closeIdleConnections` leaves.
 */
export function boundConnections(server: Server, most: number): () => void {
  /** Without an active call, the longest idle first. */
  const idle = new Map<Socket, string>()
  const busy = new Map<Socket, string>()
  const byAddress = new Map<string, number>()
  const count = (address: string, by: number) => {
    const left = (byAddress.get(address) ?? 0) + by
    if (left > 0) byAddress.set(address, left)
    else byAddress.delete(address)
  }
  const makeRoom = () => {
    const address = crowded(byAddress)
    const victim = first(idle, address) ?? first(busy, address)
    victim?.destroy()
  }
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (idle.size + busy.size >= most) makeRoom()
    idle.set(socket, address)
    count(address, 1)
    socket.once('close', () => {
      if (idle.delete(socket) || busy.delete(socket)) count(address, -1)
    })
  })
  server.on('request', ({ socket }, response) => {
    const address = idle.get(socket) ?? ''
    if (!idle.delete(socket)) return
    busy.set(socket, address)
    response.once('close', () => {
      if (busy.delete(socket)) idle.set(socket, address)
    })
  })
  return () => {
    for (const socket of [...idle.keys()]) socket.destroy()
  }
}

function crowded(byAddress: ReadonlyMap<string, number>): string {
  let found = ''
  let most = 0
  for (const [address, count] of byAddress) {
    if (count <= most) continue
    most = count
    found = address
  }
  return found
}

function first(sockets: ReadonlyMap<Socket, string>, address: string): Socket | undefined {
  for (const [socket, of] of sockets) if (of === address && !socket.destroyed) return socket
  return undefined
}
