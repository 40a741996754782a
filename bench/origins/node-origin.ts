/**
 * An origin in Node.js: `node bench/origins/node-origin.ts <port>`. Stands in for nginx when that is missing, tells
 * what of a request arrived (/witness), and is what the scenarios use whose origin must count or wait.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { cacheableBody, fileSizes, patternBody, smallBody } from './content.ts'
import { echoFrames, handshakeAnswer } from './websocket-echo.ts'

const counts: Record<string, number> = {}
const files = new Map(Object.entries(fileSizes).map(([path, bytes]) => [path, patternBody(bytes)]))

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url!.split('?')[0]!
  const file = files.get(path)
  if (path === '/witness') return witness(request, response)
  if (path === '/counts') return void response.end(JSON.stringify(counts))
  counts[request.url!] = (counts[request.url!] ?? 0) + 1
  if (path === '/cacheable') return cacheable(response, 0)
  if (path === '/storm') return cacheable(response, 1000)
  send(request, response, file ?? smallBody)
}

function send(request: IncomingMessage, response: ServerResponse, body: string | Buffer): void {
  const head = { 'content-length': Buffer.byteLength(body), 'content-type': 'application/octet-stream' }
  if (request.method === 'GET' || request.method === 'HEAD') {
    response.writeHead(200, head)
    return void response.end(body)
  }
  // A body is read to its end before the answer, so that its bytes have crossed the proxy.
  request.resume().on('end', () => {
    response.writeHead(200, head)
    response.end(body)
  })
}

function witness(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256')
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    bytes += chunk.length
  })
  request.on('end', () => {
    const { method, url, headers } = request
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method, url, headers, bytes, sha256: hash.digest('hex') }))
  })
}

function cacheable(response: ServerResponse, afterMs: number): void {
  setTimeout(() => {
    response.setHeader('cache-control', 'public, max-age=3600')
    response.setHeader('content-length', cacheableBody.length)
    response.end(cacheableBody)
  }, afterMs)
}

const server = createServer({ keepAliveTimeout: 300_000, requestTimeout: 0 }, answer)
server.on('upgrade', (request, socket, head: Buffer) => {
  socket.on('error', () => socket.destroy())
  socket.write(handshakeAnswer(request.headers['sec-websocket-key'] ?? ''))
  echoFrames(socket, head)
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 16_384 })
