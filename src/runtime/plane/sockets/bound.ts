import type { Bind } from '../../../config/model/bind.ts'
import type { ListenerConfig } from '../../../config/model/model.ts'
import { UdpEngine } from '../../../l4/udp/udp-engine.ts'
import { UdpDoor } from '../../../net/datagram/udp-door.ts'
import type { UdpHandle } from '../../../net/datagram/udp-handle.ts'
import type { StreamHandle } from '../../../net/descriptors/bind-stream.ts'
import type { DescriptorHandle } from '../../../net/descriptors/ipc-pipe.ts'
import type { ListenerEngine } from '../listener-engine.ts'
import { ListenSocket } from './listen-socket.ts'

/** One bound address of one thread, of either kind. */
export type Bound = ListenSocket | UdpDoor

/** Sockets that the main thread has bound for this one, by bind key. Users remove what they take. */
export type GivenSockets = Map<string, readonly DescriptorHandle[]>

/** `handles`: bound by the main thread for this one; `port`: the port that another thread got for port 0. */
export async function openBound(
  config: ListenerConfig,
  bind: Bind,
  engine: ListenerEngine,
  {
    handles,
    port,
    onError
  }: {
    handles: readonly DescriptorHandle[] | undefined
    port: number | undefined
    onError: (error: Error) => void
  }
): Promise<Bound> {
  if (config.mode === 'l4' && config.udp !== undefined && bind.kind === 'tcp') {
    const where = { host: bind.host, port: port ?? bind.port }
    const handle = handles?.[0] as UdpHandle | undefined
    return UdpDoor.open(where, handle, config.udp.receiveBuffer, engine as UdpEngine)
  }
  if (handles !== undefined)
    return ListenSocket.over(bind, handles as StreamHandle[], (attach) => engine.accept(attach), onError)
  return ListenSocket.open(bind, port, (attach) => engine.accept(attach), onError)
}

/** From now on new connections and datagrams go to `engine`. */
export function leadTo(bound: Bound, engine: ListenerEngine): void {
  if (bound instanceof UdpDoor) bound.receiver = engine as UdpEngine
  else bound.accept = (attach) => engine.accept(attach)
}

/** Only an engine of the same kind can take over a listener. */
export function fits(engine: ListenerEngine | undefined, config: ListenerConfig): boolean {
  const datagrams = config.mode === 'l4' && config.protocol === 'udp'
  return engine === undefined || engine instanceof UdpEngine === datagrams
}
