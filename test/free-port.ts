import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const taken = new Set<number>()

/**
 * A port of loopback that is free for connections and for datagrams, outside the range from which the kernel takes ports for bind(0) and for
 * outgoing connections: between here and the start of the program that is to listen there, no other test's socket is put on it.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = candidate()
    if (taken.has(port) || !(await acceptsAt(port)) || !(await receivesAt(port))) continue
    taken.add(port)
    return port
  }
  throw new Error('no free port')
}

function candidate(): number {
  const [low, high] = kernelRange()
  const below = Math.max(0, low - 10_000)
  const above = Math.max(0, 65_000 - high)
  // Where the kernel's range is nearly everything, any port must do.
  if (below + above < 2000) return 10_000 + Math.floor(Math.random() * 55_000)
  const place = Math.floor(Math.random() * (below + above))
  return place < below ? 10_000 + place : high + 1 + place - below
}

function kernelRange(): readonly [number, number] {
  try {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)
    return [Number(low), Number(high)]
  } catch {
    return [32_768, 65_535]
  }
}

function acceptsAt(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)))
  })
}

function receivesAt(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => {
      socket.close()
      resolve(false)
    })
    socket.bind(port, '0.0.0.0', () => socket.close(() => resolve(true)))
  })
}
