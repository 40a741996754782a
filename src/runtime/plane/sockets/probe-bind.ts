import { createServer } from 'node:net'
import type { Bind } from '../../../config/model/bind.ts'
import { bindsStreams, bindTcp } from '../../../net/descriptors/bind-stream.ts'
import { notPassed, passedDescriptors } from '../../../net/descriptors/passed.ts'
import { connectsTo, removeStaleSocket } from './unix-socket.ts'

/**
 * Rejects with the error of bind(2) or listen(2) when `bind` is not available. Any process of the same user can share
 * an address with SO_REUSEPORT: a second `lb` started by mistake would take half of the connections of the first. So
 * the address is bound once without that option before the workers bind it with it.
 */
export async function probeBind(bind: Bind): Promise<void> {
  if (bind.kind === 'unix') {
    if (await connectsTo(bind.path)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
    removeStaleSocket(bind.path)
    return
  }
  if (bind.kind === 'systemd') {
    if (passedDescriptors(bind.name).length === 0) throw notPassed(bind.name)
    return
  }
  // Without listening: a client that connects just now would be accepted and then closed.
  if (bindsStreams) return bindTcp(bind.host, bind.port, false).close()
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: bind.host, port: bind.port, ipv6Only: true, exclusive: true }, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
}

/**
 * Binds of this lb with the same port may overlap (0.0.0.0:80 and 127.0.0.1:80), and the probe would find lb itself.
 */
export function overlaps(bind: Bind, ours: readonly Bind[]): boolean {
  return ours.some((other) => {
    if (bind.kind !== 'tcp' || other.kind !== 'tcp') return bind.text === other.text
    return bind.port === other.port
  })
}
