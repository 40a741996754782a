import type { ExplanationView } from '../../../admin/api/explanation.ts'
import type { L4ListenerConfig, ListenerConfig } from '../../../config/model/model.ts'
import { compileCidrs } from '../../../net/address/cidr.ts'
import { ServerNames } from '../../../net/tls/server-names.ts'

/** What would happen to a connection, or to a client's datagrams, at a listener that relays. */
export function explainRelay(listener: L4ListenerConfig, authority: string, client: string): ExplanationView {
  const { protocol, name } = listener
  const view = { listener: name, passedOver: [] }
  const relayed = protocol === 'udp' ? 'UDP: datagrams are relayed' : 'TCP: bytes are relayed'
  const kind = `mode l4, ${relayed}, requests are not read`
  const shut = whyShutTo(client, listener)
  if (shut !== undefined) return { ...view, notes: [kind, shut] }
  const host = authority.replace(/:\d+$/, '').toLowerCase()
  const named = new ServerNames(
    listener.sni.map((entry) => [entry.host, entry] as const),
    false
  ).find(host)
  const pool = named?.pool ?? listener.pool
  if (pool === undefined)
    return {
      ...view,
      notes: [kind, `refused: no sni entry is for ${host}, and there is no pool for the rest`]
    }
  const notes = [kind]
  if (named !== undefined) notes.push(`by the name in the ClientHello: sni ${named.host}`)
  else if (listener.sni.length > 0) notes.push(`no sni entry is for ${host}: the pool for the rest`)
  if (listener.udp !== undefined) notes.push(sessions(listener.udp))
  return { ...view, action: { kind: 'pool', pool }, notes }
}

/** Why the listener closes the connections of this client at once; undefined: it does not. */
export function whyShutTo(client: string, { allow, deny }: ListenerConfig): string | undefined {
  if (deny.length > 0 && compileCidrs(deny).contains(client)) return `${client} is refused: it is in deny`
  if (allow.length > 0 && !compileCidrs(allow).contains(client))
    return `${client} is refused: it is not in allow`
  return undefined
}

function sessions({ responses, idleMs }: NonNullable<L4ListenerConfig['udp']>): string {
  const idle = `after ${idleMs / 1e3} s without a datagram`
  const end = responses === undefined ? idle : `with the answer to each datagram (${responses}), or ${idle}`
  return `the datagrams of one client address and port go to one backend; its session ends ${end}`
}
