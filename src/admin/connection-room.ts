import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Place {
  readonly address: string
  request: IncomingMessage | undefined
  response: ServerResponse | undefined
}

/**
 * Bounds the connections of the admin listener so that a new one always comes in. The one that goes for it is of the address
 * that has the most: the one that has waited there the longest for its client (idle, with a head or a body that does not end, or
 * an answer that is not read), and where all wait for lb the oldest. So nobody can lock a health check out by holding
 * connections, or by opening new ones all the time.
 *
 * Returns what closes all that have no call under way, also those that never said anything, which `closeIdleConnections` leaves.
 */
export function boundConnections(server: Server, most: number): () => void {
  /** The longest without a call first. */
  const places = new Map<Socket, Place>()
  const byAddress = new Map<string, number>()
  const count = (address: string, by: number) => {
    const left = (byAddress.get(address) ?? 0) + by
    if (left > 0) byAddress.set(address, left)
    else byAddress.delete(address)
  }
  const makeRoom = () => victim(places, crowded(byAddress))?.destroy()
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (places.size >= most) makeRoom()
    places.set(socket, { address, request: undefined, response: undefined })
    count(address, 1)
    socket.once('close', () => {
      if (places.delete(socket)) count(address, -1)
    })
  })
  server.on('request', (request, response) => {
    const { socket } = request
    const place = places.get(socket)
    // Of those that follow on the same connection before its answer is out, the first counts.
    if (place === undefined || place.request !== undefined) return
    place.request = request
    place.response = response
    response.once('close', () => {
      place.request = place.response = undefined
      if (places.delete(socket)) places.set(socket, place)
    })
  })
  return () => {
    for (const [socket, { request }] of [...places]) if (request === undefined) socket.destroy()
  }
}

function victim(places: ReadonlyMap<Socket, Place>, address: string): Socket | undefined {
  let oldest: Socket | undefined
  for (const [socket, place] of places) {
    if (place.address !== address || socket.destroyed) continue
    if (waitsForClient(place)) return socket
    oldest ??= socket
  }
  return oldest
}

function waitsForClient({ request, response }: Place): boolean {
  return request === undefined || !request.complete || response?.writableEnded === true
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
