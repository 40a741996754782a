import { own } from '../../core/own.ts'
import type { ListenerConfig } from '../../config/model/model.ts'
import { bindKey } from './plane-snapshot.ts'

/** The actual address of a listener: with the port in use where the configuration says 0. */
export interface ListenerAddress {
  readonly listener: string
  readonly mode: 'l4' | 'l7'
  /** `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/lb.sock`. */
  readonly address: string
  readonly host?: string
  readonly port?: number
  readonly path?: string
}

export function listenerAddresses(
  listener: ListenerConfig,
  ports: Readonly<Record<string, number>>
): ListenerAddress[] {
  const { name, mode, binds } = listener
  return binds.map((bind, index) => {
    if (bind.kind === 'unix') return { listener: name, mode, address: bind.text, path: bind.path }
    const taken = own(ports, bindKey(listener, bind, index))
    if (bind.kind === 'systemd')
      return { listener: name, mode, address: bind.text, ...(taken !== undefined && { port: taken }) }
    const port = taken ?? bind.port
    const host = bind.host
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    return { listener: name, mode, address, host, port }
  })
}
