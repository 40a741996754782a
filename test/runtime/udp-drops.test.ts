import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Config } from '../../src/config/model/model.ts'
import { collectUdpDrops } from '../../src/runtime/memory/udp-drops.ts'

async function bound(t: Test): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => socket.close())
  await once(socket, 'listening')
  return socket
}

function drops(port: number): number {
  const listener = {
    name: 'dns',
    mode: 'l4',
    protocol: 'udp',
    binds: [{ kind: 'address', host: '127.0.0.1', port }]
  }
  let found = -1
  const config = { listeners: [listener] } as unknown as Config
  collectUdpDrops({ config, ports: {} })((name, _labels, value) => {
    if (name === 'lb_udp_kernel_drops_total') found = value
  })
  return found
}

t.test(
  'what the kernel drops is found among the sockets of many sessions',
  { skip: process.platform !== 'linux' },
  async (t) => {
    // More than is read at once.
    const all: Socket[] = []
    for (let i = 0; i < 600; i++) all.push(await bound(t))
    t.ok(readFileSync('/proc/net/udp').length > 64 * 1024)
    const client = await bound(t)
    const full = [0, 123, 299, 300, 511, 599].map((i) => all[i]!)
    // Stopped before they read: 64 KB each are more than a buffer takes.
    const data = Buffer.alloc(60_000)
    for (const socket of full) {
      t.equal(drops(socket.address().port), 0)
      for (let i = 0; i < 20; i++) client.send(data, socket.address().port, '127.0.0.1')
    }
    // Sent in the next ticks, before this thread reads what comes.
    for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => process.nextTick(resolve))
    const counts = full.map((socket) => drops(socket.address().port))
    t.ok(
      counts.every((count) => count > 0),
      counts.join()
    )
    t.equal(drops(1), 0, 'and of nobody else')
  }
)
