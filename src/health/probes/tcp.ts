import net from 'node:net'
import { MOST_BYTES, ProbeMismatch, type Probe, type ProbeTarget } from '../probe.ts'

/** Connects; with `expect`, also reads until the text has come (after `send`, where the backend does not speak first). */
export const tcpProbe: Probe = (target, signal) => {
  const { address } = target
  const socket =
    address.kind === 'unix'
      ? net.connect({ path: address.path })
      : net.connect({ host: address.host, port: address.port })
  return converse(socket, 'connect', target, signal)
}

/** The conversation of tcp and tls probes over a socket that is being connected. */
export function converse(
  socket: net.Socket,
  ready: 'connect' | 'secureConnect',
  { config }: ProbeTarget,
  signal: AbortSignal
): Promise<string> {
  const { send, expect } = config
  return new Promise<string>((resolve, reject) => {
    let received = Buffer.alloc(0)
    const quit = () => reject(signal.reason as Error)
    signal.addEventListener('abort', quit, { once: true })
    socket.on('error', reject)
    socket.on(ready, () => {
      if (send !== undefined) socket.write(send, 'latin1')
      if (expect === undefined) resolve(ready === 'connect' ? 'connected' : 'TLS established')
    })
    socket.on('data', (chunk: Buffer) => {
      if (expect === undefined) return
      received = Buffer.concat([received, chunk])
      if (received.includes(expect, 0, 'latin1')) resolve(`answered ${excerpt(received)}`)
      else if (received.length > MOST_BYTES) reject(new ProbeMismatch(`${MOST_BYTES} bytes without the text`))
    })
    socket.on('end', () => {
      if (expect === undefined) return
      const seen = received.length === 0 ? 'nothing' : excerpt(received)
      reject(new ProbeMismatch(`closed after ${seen}`))
    })
  }).finally(() => socket.destroy())
}

function excerpt(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 60).toString('latin1'))
}
