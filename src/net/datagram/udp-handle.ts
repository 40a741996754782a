/** libuv's UDP socket as Node wraps it, the one inside of a dgram.Socket. Numbers below 0 are errors. */
export interface UdpHandle {
  onmessage: ((size: number, handle: UdpHandle, bytes: Buffer | undefined, from: UdpPeer) => void) | undefined
  /** The object that receives its events. */
  lbOwner?: DatagramOwner
  readonly fd: number
  bind(address: string, port: number, flags: number): number
  bind6(address: string, port: number, flags: number): number
  open(fd: number): number
  connect(address: string, port: number): number
  connect6(address: string, port: number): number
  recvStart(): number
  recvStop(): number
  send(request: UdpSend, list: readonly Uint8Array[], count: number, ...where: unknown[]): number
  send6(request: UdpSend, list: readonly Uint8Array[], count: number, ...where: unknown[]): number
  getsockname(out: object): number
  /** Sets (or with 0 reads) SO_RCVBUF or SO_SNDBUF. */
  bufferSize(bytes: number, receive: boolean, error: object): number | undefined
  close(done?: () => void): void
}

export interface UdpPeer {
  readonly address: string
  readonly family: string
  readonly port: number
}

export interface UdpSend {
  oncomplete: ((error: number) => void) | undefined
  lbBytes?: unknown
}

/** Receives the events of a socket. */
export interface DatagramOwner {
  onDatagram(bytes: Buffer, from: UdpPeer): void
  /** An error from ICMP or from the system: a negative number of libuv. */
  onDatagramError(code: number): void
}

interface UdpInternals {
  readonly newUdp: () => UdpHandle
  readonly newSend: () => UdpSend
  readonly ipv6Only: number
  readonly reusePort: number
}

/**
 * As in raw-streams.ts for TCP: `process.binding` is deprecated in the documentation only, and every part is checked
 * before use. A dgram.Socket adds an event, two closures and an array for each datagram, and cannot take over a
 * descriptor that another thread has bound in a group. Undefined where Node lacks a part.
 */
export const udpInternals: UdpInternals | undefined = find()

function find(): UdpInternals | undefined {
  try {
    const { binding } = process as unknown as { binding: (name: string) => Record<string, unknown> }
    const udp = binding('udp_wrap')
    const Udp = udp['UDP'] as new () => UdpHandle
    const Send = udp['SendWrap'] as new () => UdpSend
    const flags = udp['constants'] as Record<string, number | undefined>
    const methods = [
      'bind',
      'bind6',
      'open',
      'connect',
      'connect6',
      'recvStart',
      'recvStop',
      'send',
      'send6',
      'close'
    ] as const
    const prototype = Udp.prototype as unknown as Record<string, unknown>
    if (typeof Send !== 'function' || !methods.every((name) => typeof prototype[name] === 'function'))
      return undefined
    return {
      newUdp: () => new Udp(),
      newSend: () => new Send(),
      ipv6Only: flags['UV_UDP_IPV6ONLY'] ?? 1,
      reusePort: flags['UV_UDP_REUSEPORT'] ?? 0
    }
  } catch {
    return undefined
  }
}

/** Starts to receive for `owner`. */
export function receiveFor(handle: UdpHandle, owner: DatagramOwner): number {
  handle.lbOwner = owner
  handle.onmessage = onMessage
  return handle.recvStart()
}

// One function for all sockets instead of a closure for each.
function onMessage(size: number, handle: UdpHandle, bytes: Buffer | undefined, from: UdpPeer): void {
  const owner = handle.lbOwner
  if (owner === undefined) return
  if (size < 0) owner.onDatagramError(size)
  // Without bytes there was nothing to read; an empty datagram has an empty buffer.
  else if (bytes !== undefined) owner.onDatagram(bytes, from)
}

/** Sends of this thread that the kernel did not accept at once. */
let waiting = 0
const MOST_WAITING = 1024
const UV_EAGAIN = -11
let idle: UdpSend | undefined
// libuv reads it during the call only, unless the send has to wait.
const one: Uint8Array[] = [Buffer.alloc(0)]
const two: Uint8Array[] = [one[0]!, one[0]!]

/** Sends on a connected socket: `head` and `bytes` as one datagram. Negative: the error why it was not sent. */
export function sendConnected(handle: UdpHandle, bytes: Uint8Array, head?: Uint8Array): number {
  if (waiting >= MOST_WAITING) return UV_EAGAIN
  const request = (idle ??= udpInternals!.newSend())
  const list = listOf(bytes, head)
  return sent(request, handle.send(request, list, list.length, true), bytes, head)
}

/** Sends to a peer. `v6`: the family of the socket. */
export function sendTo(
  handle: UdpHandle,
  bytes: Uint8Array,
  port: number,
  address: string,
  v6: boolean
): number {
  if (waiting >= MOST_WAITING) return UV_EAGAIN
  const request = (idle ??= udpInternals!.newSend())
  const list = listOf(bytes, undefined)
  const status = v6
    ? handle.send6(request, list, 1, port, address, true)
    : handle.send(request, list, 1, port, address, true)
  return sent(request, status, bytes, undefined)
}

function listOf(bytes: Uint8Array, head: Uint8Array | undefined): readonly Uint8Array[] {
  if (head === undefined) {
    one[0] = bytes
    return one
  }
  two[0] = head
  two[1] = bytes
  return two
}

function sent(request: UdpSend, status: number, bytes: Uint8Array, head: Uint8Array | undefined): number {
  if (status !== 0) return status
  // The send waits for room in the kernel: bytes and request must stay untouched until then.
  idle = undefined
  waiting++
  request.lbBytes = [bytes, head]
  request.oncomplete = onSent
  return 0
}

function onSent(this: UdpSend): void {
  waiting--
  this.lbBytes = undefined
}
