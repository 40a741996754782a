import type { Socket, TcpNetConnectOpts } from 'node:net'
import type { Lookup } from './lookup.ts'
import { NameDial, type Attempts } from './name-dial.ts'
import { fromSource } from './source.ts'

/** An address of a backend, and where from, as node:net and node:tls take them. */
export type Place = Pick<TcpNetConnectOpts, 'host' | 'port' | 'localAddress'>

/** Who wants a socket that is connected to one of a name's addresses. */
export interface SocketSeeker {
  /** A socket that is being connected to the place: it calls back later. */
  open(place: Place): Socket
  /** Within its 'connect' event, before it reads. */
  connected(socket: Socket): void
  failed(error: Error): void
}

/**
 * Connects sockets of node:net or node:tls to the addresses of a name until one accepts. Node's own search tries the first
 * address only once there is a source, and gives up each but the last after a quarter of a second.
 */
export function dialSockets(
  { host, port }: { readonly host: string; readonly port: number },
  lookup: Lookup,
  source: string | undefined,
  seeker: SocketSeeker
): { cancel(): void } {
  return new NameDial(host, fromSource(lookup, source), new SocketAttempts(port, source, seeker))
}

class SocketAttempts implements Attempts<Socket> {
  readonly #port: number
  readonly #source: string | undefined
  readonly #seeker: SocketSeeker

  constructor(port: number, source: string | undefined, seeker: SocketSeeker) {
    this.#port = port
    this.#source = source
    this.#seeker = seeker
  }

  begin(address: string, told: (error?: Error) => void): Socket {
    const socket = this.#seeker.open(placeOf(address, this.#port, this.#source))
    const lost = (error?: Error): void => told(error ?? new Error('closed'))
    socket.once('connect', () => {
      socket.off('error', lost)
      told()
    })
    socket.once('error', lost)
    return socket
  }

  close(socket: Socket): void {
    socket.on('error', () => {})
    socket.destroy()
  }

  won(socket: Socket): void {
    this.#seeker.connected(socket)
  }

  failed(error: Error): void {
    this.#seeker.failed(error)
  }
}

/** Without a source no property of its own: Node checks one that is there. */
export function placeOf(host: string, port: number, source: string | undefined): Place {
  return source === undefined ? { host, port } : { host, port, localAddress: source }
}
