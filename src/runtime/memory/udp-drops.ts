import { readFileSync } from 'node:fs'
import type { Config } from '../../config/model/model.ts'
import type { Collector } from '../../core/metrics/hub.ts'
import { listenerAddresses } from '../plane/listener-addresses.ts'

interface InForce {
  readonly config: Config
  readonly ports: Readonly<Record<string, number>>
}

/** Datagrams that the kernel dropped because the sockets of a UDP listener were full; known on Linux only. */
export function collectUdpDrops(inForce: InForce): Collector {
  return (sample) => {
    // Read at every scrape.
    const { config, ports } = inForce
    const datagrams = config.listeners.filter((one) => one.mode === 'l4' && one.protocol === 'udp')
    const ours = datagrams.flatMap((one) => listenerAddresses(one, ports))
    if (ours.length === 0) return
    const drops = new Map<number, number>()
    for (const file of ['/proc/net/udp', '/proc/net/udp6'])
      for (const [port, n] of dropsIn(file)) drops.set(port, (drops.get(port) ?? 0) + n)
    const byListener = new Map<string, number>()
    for (const { listener, port } of ours)
      byListener.set(listener, (byListener.get(listener) ?? 0) + (drops.get(port ?? 0) ?? 0))
    for (const [listener, count] of byListener) sample('lb_udp_kernel_drops_total', { listener }, count)
  }
}

/** Port and drops of every unconnected socket. */
function* dropsIn(file: string): Generator<[port: number, drops: number]> {
  let text: string
  try {
    text = readFileSync(file, 'latin1')
  } catch {
    return
  }
  for (const line of text.split('\n').slice(1)) {
    const [, local, remote, ...rest] = line.trim().split(/\s+/)
    if (remote === undefined || !remote.endsWith(':0000')) continue
    yield [Number.parseInt(local!.slice(local!.indexOf(':') + 1), 16), Number(rest.at(-1))]
  }
}
