/**
 * A new TLS connection for every request, in a closed loop; resumed: with the session of an earlier one.
 * `node bench/load/tls-connections.ts '{"port":…,"connections":…,"seconds":…,"resumed":true,"version":"TLSv1.3"}'`
 */
import { connect, type ConnectionOptions } from 'node:tls'
import { printResult } from './load-result.ts'
import { requestText } from './request-text.ts'
import { ResponseCounter } from './response-counter.ts'

export interface TlsLoad {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  readonly resumed: boolean
  readonly version: 'TLSv1.2' | 'TLSv1.3'
}

const { port, connections, seconds, resumed, version } = JSON.parse(process.argv[2]!) as TlsLoad
const request = requestText('localhost', '/').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
// X25519 alone: not every contestant knows the groups that came after it. TLS 1.2 wants the certificate's curve to be there.
const options: ConnectionOptions = {
  host: '127.0.0.1',
  port,
  servername: 'localhost',
  rejectUnauthorized: false,
  ecdhCurve: version === 'TLSv1.3' ? 'X25519' : 'X25519:P-256',
  minVersion: version,
  maxVersion: version
}
let session: Buffer | undefined
let completed = 0
let errors = 0
let bytes = 0
const end = performance.now() + seconds * 1000

function once(): Promise<void> {
  return new Promise((resolve) => {
    const counter = new ResponseCounter()
    let answered = false
    const socket = connect({ ...options, session: resumed ? session : undefined }, () => {
      // The first of each loop has nothing to resume.
      if (resumed && session !== undefined && !socket.isSessionReused()) errors++
      socket.write(request)
    })
    socket.on('session', (next: Buffer) => (session = next))
    socket.setTimeout(10_000, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      bytes += chunk.length
      if (counter.push(chunk) > 0) answered = counter.status === 200
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      if (answered) completed++
      else errors++
      resolve()
    })
  })
}

await once()
completed = errors = 0
await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() < end) await once()
  })
)
printResult({ completed, errors, seconds, bytes })
process.exit()
