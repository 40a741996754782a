import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocketServer } from 'ws'
import { missing } from '../../l4/programs.ts'
import { testCertificates } from '../../net/certificates.ts'
import { startLb } from '../servers.ts'
import { openPage } from './browser.ts'

/** In the page: sends messages of all sizes and kinds, and tells what did not come back as it went. */
const ECHO = `new Promise((resolve, reject) => {
  const socket = new WebSocket('wss://' + location.host + '/socket')
  socket.binaryType = 'arraybuffer'
  const sizes = [0, 1, 125, 126, 127, 65535, 65536, 1000000]
  const sent = sizes.flatMap((size) => ['x'.repeat(size), new Uint8Array(size).map((_, i) => i * 7)])
  let at = 0
  const wrong = []
  const text = (data) => typeof data === 'string' ? data : Array.from(new Uint8Array(data)).join()
  socket.onopen = () => sent.forEach((each) => socket.send(each))
  socket.onmessage = ({ data }) => {
    const want = sent[at++]
    if (text(data) !== text(typeof want === 'string' ? want : want.buffer)) wrong.push(at)
    if (at === sent.length) socket.close(4321, 'enough')
  }
  socket.onclose = ({ code, reason, wasClean }) => resolve({ at, wrong, code, reason, wasClean, extensions: socket.extensions })
  socket.onerror = () => reject(new Error('no WebSocket'))
})`

t.test('Chromium’s WebSocket over HTTP/2 echoes', { skip: missing('chromium') }, async (t) => {
  const versions: string[] = []
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>page'))
  const sockets = new WebSocketServer({ server, perMessageDeflate: true })
  sockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }))
    socket.on('close', (code) => versions.push(`closed ${code}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
    server.closeAllConnections()
  })
  const { cert, key } = testCertificates().leaf('localhost').files
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'tls',
        bind: '127.0.0.1:0',
        mode: 'l7',
        pool: 'web',
        // There is nothing else that it could speak.
        protocols: ['h2'],
        tls: { certificates: [{ cert, key }] }
      }
    ],
    pools: { web: { backends: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } }
  })
  const page = await openPage(t, 'chromium', `https://127.0.0.1:${lb.port('tls')}/`)
  await page.value(`fetch('/').then((response) => response.text())`)
  for (let round = 0; round < 2; round++) {
    t.match(await page.value(ECHO), {
      at: 16,
      wrong: [],
      code: 4321,
      reason: 'enough',
      wasClean: true,
      extensions: /permessage-deflate/
    })
  }
  t.strictSame(versions, ['closed 4321', 'closed 4321'])
})
