import type { Bind, ListenerConfig } from '../../../config/model/model.ts'
import { UdpEngine } from '../../../l4/udp/udp-engine.ts'
import { UdpDoor } from '../../../net/datagram/udp-door.ts'
import type { Engine } from '../engine.ts'
import { ListenSocket } from './listen-socket.ts'

/** One bound address of one thread, of either kind. */
export type Bound = ListenSocket | UdpDoor

/** `fd`: what the main thread has bound for this one (UDP); `port`: what another thread got for port 0. */
export async function openBound(
  config: ListenerConfig,
  bind: Bind,
  engine: Engine,
  { fd, port, onError }: { fd?: number; port: number | undefined; onError: (error: Error) => void }
): Promise<Bound> {
  if (config.mode === 'l4' && config.udp !== undefined && bind.kind === 'tcp') {
    const where = { host: bind.host, port: port ?? bind.port }
    return UdpDoor.open(where, fd, config.udp.receiveBuffer, engine as UdpEngine)
  }
  return ListenSocket.open(bind, port, (attach) => engine.accept(attach), onError)
}

/** From now on what comes in goes to `engine`. */
export function leadTo(bound: Bound, engine: Engine): void {
  if (bound instanceof UdpDoor) bound.receiver = engine as UdpEngine
  else bound.accept = (attach) => engine.accept(attach)
}

/** An engine goes on with a listener of its own kind only. */
export function fits(engine: Engine | undefined, config: ListenerConfig): boolean {
  const datagrams = config.mode === 'l4' && config.protocol === 'udp'
  return engine === undefined || engine instanceof UdpEngine === datagrams
}
