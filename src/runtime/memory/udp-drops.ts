import { closeSync, openSync, readSync } from 'node:fs'
import type { Config } from '../../config/model/model.ts'
import type { Collector } from '../../core/metrics/hub.ts'
import { listenerAddresses } from '../plane/listener-addresses.ts'

const PIECE_BYTES = 64 * 1024

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

/** local, remote … drops; the remote of an unconnected socket has port 0. */
const UNCONNECTED = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:0000 .*?(\d+) *$/

/** Port and drops of every unconnected socket. */
function* dropsIn(file: string): Generator<[port: number, drops: number]> {
  for (const line of linesOf(file)) {
    const match = UNCONNECTED.exec(line)
    if (match !== null) yield [Number.parseInt(match[1]!, 16), Number(match[2])]
  }
}

/** Piece by piece: with a socket for each of 10,000 sessions the file has megabytes. */
function* linesOf(file: string): Generator<string> {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch {
    return
  }
  try {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES)
    let rest = ''
    for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) {
      const lines = (rest + buffer.toString('latin1', 0, n)).split('\n')
      rest = lines.pop()!
      yield* lines
    }
  } catch {
    // It was there a moment ago: what has been read counts.
  } finally {
    closeSync(fd)
  }
}
