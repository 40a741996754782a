import { guarded } from '../../core/containment.ts'
import { failure } from '../transport/raw-streams.ts'
import {
  receiveFor,
  sendTo,
  udpInternals,
  type DatagramOwner,
  type UdpHandle,
  type UdpPeer
} from './udp-handle.ts'

const UV_ENOTSUP = -95

/** Receives the datagrams of a door. */
export interface UdpReceiver {
  onDatagram(door: UdpDoor, bytes: Buffer, from: UdpPeer): void
  onDoorError(code: number): void
}

export interface UdpBind {
  readonly host: string
  readonly port: number
}

/** One bound UDP address of one thread; answers are sent from it, so it stays open as long as a session needs it. */
export class UdpDoor implements DatagramOwner {
  readonly handle: UdpHandle
  readonly host: string
  readonly port: number
  readonly v6: boolean
  /** Written only by the data plane, when a snapshot is committed. */
  receiver: UdpReceiver
  /** Number of sessions that answer through it; maintained by the engine that opens them. */
  #sessions = 0
  #closing = false
  #closed = false

  private constructor(handle: UdpHandle, bind: UdpBind, receiver: UdpReceiver) {
    this.handle = handle
    this.host = bind.host
    this.v6 = bind.host.includes(':')
    this.port = portOf(handle)
    this.receiver = receiver
  }

  /** Uses a socket that the main thread has bound, or binds one itself. Throws the error of bind(2). */
  static open(
    bind: UdpBind,
    bound: UdpHandle | undefined,
    bufferBytes: number,
    receiver: UdpReceiver
  ): UdpDoor {
    const handle = bound ?? bindUdp(bind, false)
    // The system limits the size; getting less than requested is no reason not to serve.
    handle.bufferSize(bufferBytes, true, {})
    const door = new UdpDoor(handle, bind, receiver)
    const status = receiveFor(handle, door)
    if (status < 0) {
      handle.close()
      throw failure('recv', status)
    }
    return door
  }

  onDatagram(bytes: Buffer, from: UdpPeer): void {
    guarded(() => this.receiver.onDatagram(this, bytes, from))
  }

  onDatagramError(code: number): void {
    this.receiver.onDoorError(code)
  }

  /** Negative when it was not sent. */
  send(bytes: Uint8Array, { port, address }: UdpPeer): number {
    return this.#closed ? -1 : sendTo(this.handle, bytes, port, address, this.v6)
  }

  enter(): void {
    this.#sessions++
  }

  leave(): void {
    this.#sessions--
    if (this.#closing && this.#sessions === 0) this.destroy()
  }

  /** Stops receiving; pending answers of sessions are still sent. */
  close(): Promise<void> {
    this.#closing = true
    if (!this.#closed) this.handle.recvStop()
    if (this.#sessions === 0) this.destroy()
    return Promise.resolve()
  }

  destroy(): void {
    if (this.#closed) return
    this.#closed = true
    this.handle.close()
  }
}

/** `shared`: one of several sockets on the address, between which the kernel distributes clients. */
export function bindUdp({ host, port }: UdpBind, shared: boolean): UdpHandle {
  if (udpInternals === undefined) throw failure('bind', UV_ENOTSUP)
  const { newUdp, ipv6Only, reusePort } = udpInternals
  const handle = newUdp()
  const flags = shared ? reusePort : 0
  const status = host.includes(':')
    ? handle.bind6(host, port, flags | ipv6Only)
    : handle.bind(host, port, flags)
  if (status < 0) {
    handle.close()
    throw failure('bind', status)
  }
  return handle
}

export function portOf(handle: UdpHandle): number {
  const name: { port?: number } = {}
  handle.getsockname(name)
  return name.port ?? 0
}
