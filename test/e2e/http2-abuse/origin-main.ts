// node origin-main.ts: a backend that says its port. /big is a response of 100 kB.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const BIG = Buffer.alloc(100_000, 'x')

const server = createServer((request, response) => {
  request.resume().on('error', () => {})
  request.on('end', () => response.end(request.url === '/big' ? BIG : 'hello'))
}).listen(0, '127.0.0.1')
await once(server, 'listening')
console.log((server.address() as AddressInfo).port)
