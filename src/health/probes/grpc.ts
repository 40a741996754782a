import http2 from 'node:http2'
import { MOST_BYTES, ProbeMismatch, type Probe, type ProbeTarget } from '../probe.ts'
import { clearSocket, secureSocket } from './probe-socket.ts'

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** grpc.health.v1.Health/Check over cleartext HTTP/2, or over TLS where the pool's backends speak it. */
export const grpcProbe: Probe = async (target, signal) => {
  const socket = await (target.tls === undefined
    ? clearSocket(target, signal)
    : secureSocket(target, signal, ['h2']))
  try {
    const session = http2.connect('http://grpc', { createConnection: () => socket })
    try {
      const status = await check(session, target, signal)
      if (status !== 'SERVING') throw new ProbeMismatch(status)
      return status
    } finally {
      session.destroy()
    }
  } finally {
    socket.destroy()
  }
}

function check(session: http2.ClientHttp2Session, { address, config }: ProbeTarget, signal: AbortSignal) {
  return new Promise<string>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    session.on('error', reject)
    session.on('close', () => reject(new ProbeMismatch('connection closed')))
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': config.host ?? address.text,
      'content-type': 'application/grpc',
      'user-agent': 'lb-probe',
      te: 'trailers'
    })
    let received = Buffer.alloc(0)
    let refused: string | undefined
    const noteStatus = (headers: http2.IncomingHttpHeaders) => {
      const code = headers['grpc-status']
      if (code === undefined || code === '0') return
      const message = decoded(String(headers['grpc-message'] ?? '').slice(0, 100))
      // 12: the service is not there at all; 5: it does not know the name asked for.
      refused = `grpc-status ${String(code)} ${message}`.trim()
    }
    stream.on('error', reject)
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200) refused = `status ${headers[':status']}`
      noteStatus(headers)
    })
    stream.on('trailers', noteStatus)
    stream.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length > MOST_BYTES) stream.close(http2.constants.NGHTTP2_CANCEL)
    })
    stream.on('end', () => {
      // An empty or broken answer also comes here, at the latest when the session is destroyed at the deadline.
      try {
        if (refused !== undefined) throw new ProbeMismatch(refused)
        resolve(STATUSES[servingStatus(received)] ?? 'an unknown status')
      } catch (error) {
        reject(error as Error)
      }
    })
    stream.end(requestFrame(config.service))
  })
}

/** grpc-message is percent-encoded; one that is not encoded well is shown as it came. */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}

/** HealthCheckRequest { string service = 1 } behind gRPC's prefix: a byte for "not compressed" and the length. */
export function requestFrame(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** HealthCheckResponse { ServingStatus status = 1 }; a field left out is 0. */
export function servingStatus(frame: Buffer): number {
  if (frame.length < 5 || frame[0] !== 0) throw new ProbeMismatch('not a gRPC message')
  const message = frame.subarray(5, 5 + frame.readUInt32BE(1))
  return message[0] === 0x08 && message.length >= 2 ? message[1]! : 0
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  bytes.push(value)
  return Buffer.from(bytes)
}
