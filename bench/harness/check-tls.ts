import { connect } from 'node:http2'
import { request } from 'node:https'
import { fileSizes, GRPC_PATH, grpcMessage, patternBody, smallBody } from '../origins/content.ts'
import { sha256, WrongAnswer } from './check-http.ts'

const bodies: readonly (readonly [path: string, body: Buffer])[] = [
  ['/', Buffer.from(smallBody)],
  ...Object.entries(fileSizes).map(([path, bytes]) => [path, patternBody(bytes)] as const)
]

type Ask = (path: string) => Promise<{ readonly status: number; readonly body: Buffer }>

async function checkBodies(ask: Ask): Promise<void> {
  for (const [path, expected] of bodies) {
    const { status, body } = await ask(path)
    if (status !== 200) throw new WrongAnswer(`status of GET ${path} is ${status}`)
    if (sha256(body) !== sha256(expected)) throw new WrongAnswer(`body of GET ${path} is not the origin's`)
  }
}

/** Status and bodies of all sizes over HTTPS. */
export function checkHttps(port: number): Promise<void> {
  return checkBodies(
    (path) =>
      new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', port, path, rejectUnauthorized: false, timeout: 15_000 }
        const outgoing = request(options, (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }))
        })
        outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 15 s')))
        outgoing.on('error', (error) => reject(new WrongAnswer(`GET ${path}: ${error.message}`)))
        outgoing.end()
      })
  )
}

/** The same over HTTP/2. */
export async function checkHttp2(port: number, scheme: 'http' | 'https'): Promise<void> {
  const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  try {
    await checkBodies(
      (path) =>
        new Promise((resolve, reject) => {
          const stream = session.request({ ':path': path })
          const chunks: Buffer[] = []
          let status = 0
          stream.setTimeout(15_000, () => stream.destroy(new Error('no answer within 15 s')))
          stream.on('response', (headers) => (status = headers[':status'] ?? 0))
          stream.on('data', (chunk: Buffer) => chunks.push(chunk))
          stream.on('error', (error: Error) => reject(new WrongAnswer(`GET ${path}: ${error.message}`)))
          stream.on('end', () => resolve({ status, body: Buffer.concat(chunks) }))
        })
    )
  } finally {
    session.destroy()
  }
}

/** One call of gRPC: its message, and its status in the trailers. */
export async function checkGrpc(port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  try {
    await new Promise<void>((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': GRPC_PATH,
        'content-type': 'application/grpc',
        te: 'trailers'
      })
      const chunks: Buffer[] = []
      let status: unknown
      stream.setTimeout(15_000, () => stream.destroy(new Error('no answer within 15 s')))
      stream.on('trailers', (trailers) => (status = trailers['grpc-status']))
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', (error: Error) => reject(new WrongAnswer(`${GRPC_PATH}: ${error.message}`)))
      stream.on('end', () => {
        const same = Buffer.concat(chunks).equals(grpcMessage) && status === '0'
        if (same) resolve()
        else
          reject(
            new WrongAnswer(
              `${GRPC_PATH} answers ${Buffer.concat(chunks).length} bytes, status ${String(status)}`
            )
          )
      })
      stream.end(grpcMessage)
    })
  } finally {
    session.destroy()
  }
}
