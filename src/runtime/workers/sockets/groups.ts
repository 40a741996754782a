import type { Bind } from '../../../config/model/bind.ts'
import { bindUdp, portOf } from '../../../net/datagram/udp-door.ts'
import type { UdpHandle } from '../../../net/datagram/udp-handle.ts'
import { isUnixSocket, notPassed, passedDescriptors } from '../../../net/descriptors/passed.ts'
import {
  bindTcp,
  bindUnix,
  openStream,
  portOfStream,
  type StreamHandle
} from '../../../net/descriptors/bind-stream.ts'
import type { DescriptorHandle } from '../../../net/descriptors/ipc-pipe.ts'
import { setInherited } from '../../../net/transport/accept.ts'
import { SHARES } from '../../plane/sockets/listen-socket.ts'
import { hasReusePort } from '../../plane/sockets/reuse-port.ts'

/** The sockets of all workers on one address. */
export interface SocketGroup {
  readonly bind: Bind
  readonly kind: 'tcp' | 'udp' | 'unix' | 'systemd'
  /** Undefined for a unix socket. */
  readonly port: number | undefined
  /** Per worker, in the order of their seats. */
  readonly handles: readonly (readonly DescriptorHandle[])[]
}

/** Binds one UDP socket per worker; the kernel distributes clients by a hash over the number and order of sockets. */
export function udpGroup(bind: Extract<Bind, { kind: 'tcp' }>, workers: number): SocketGroup {
  const { host, port } = bind
  // Without SO_REUSEPORT first: otherwise lb could share the clients of another program of this user unnoticed.
  bindUdp({ host, port }, false).close()
  const handles = bindAll<UdpHandle>(workers, (first) =>
    bindUdp({ host, port: first === undefined ? port : portOf(first) }, true)
  )
  return { bind, kind: 'udp', port: portOf(handles[0]!), handles: handles.map((handle) => [handle]) }
}

/** Binds SHARES sockets per worker, or one for the only worker where they cannot be shared. They do not listen yet. */
export function tcpGroup(bind: Extract<Bind, { kind: 'tcp' }>, workers: number): SocketGroup {
  const { host, port } = bind
  const handles = bindAll<StreamHandle>(hasReusePort ? workers * SHARES : 1, (first) =>
    bindTcp(host, (first && portOfStream(first)) ?? port, hasReusePort)
  )
  handles.forEach(setInherited)
  const perWorker = Array.from({ length: workers }, (_, seat) =>
    handles.slice(seat * SHARES, (seat + 1) * SHARES)
  )
  return { bind, kind: 'tcp', port: portOfStream(handles[0]!), handles: perWorker }
}

/** Unix sockets cannot be shared this way: the first worker serves them. */
export function unixGroup(bind: Extract<Bind, { kind: 'unix' }>): SocketGroup {
  return { bind, kind: 'unix', port: undefined, handles: [[bindUnix(bind.path)]] }
}

/** systemd passes a socket once: a listener that comes back with a reload uses it again. */
const passed = new Map<string, readonly StreamHandle[]>()

/** Sockets that systemd has bound and listens on: all workers accept on the same ones. */
export function systemdGroup(bind: Extract<Bind, { kind: 'systemd' }>, workers: number): SocketGroup {
  let handles = passed.get(bind.name)
  if (handles === undefined) {
    const descriptors = passedDescriptors(bind.name)
    if (descriptors.length === 0) throw notPassed(bind.name)
    handles = descriptors.map((fd) => openStream(fd, isUnixSocket(fd)))
    passed.set(bind.name, handles)
  }
  const port = portOfStream(handles[0]!)
  return { bind, kind: 'systemd', port, handles: Array.from({ length: workers }, () => handles) }
}

export function closeGroup(group: SocketGroup): void {
  if (group.kind === 'systemd') return

  for (const handle of group.handles.flat()) handle.close()
}

/** Binds all or none. */
function bindAll<T extends DescriptorHandle>(count: number, bindOne: (first: T | undefined) => T): T[] {
  const handles: T[] = []
  try {
    while (handles.length < count) handles.push(bindOne(handles[0]))
    return handles
  } catch (error) {
    for (const handle of handles) handle.close()
    throw error
  }
}
