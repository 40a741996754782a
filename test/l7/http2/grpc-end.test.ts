import { once } from 'node:events'
import { connect, constants, createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startLab } from '../engine/lab.ts'

t.test('a call ends on a frame of DATA, as gRPC says, whatever came of it at once', async (t) => {
  // A server in Go waits forever for the end of a call that ended with its head.
  const ended: boolean[] = []
  const origin = createServer()
  origin.on('stream', (stream, _, flags) => {
    ended.push((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0)
    stream.resume()
    stream.on('end', () => stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true }))
  })
  const sessions = new Set<ServerHttp2Session>()
  origin.on('session', (session) => sessions.add(session))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    origin.close()
  })
  const lab = await startLab({
    listeners: [
      {
        bind: '127.0.0.1:0',
        mode: 'l7',
        protocols: ['h2', 'http/1.1'],
        routes: [{ match: { path: '/buffered' }, pool: 'web', buffer: { request: '64kb' } }, { pool: 'web' }]
      }
    ],
    pools: { web: { protocol: 'h2c', backends: [`127.0.0.1:${(origin.address() as AddressInfo).port}`] } }
  })
  t.teardown(() => lab.close())
  const at = `http://127.0.0.1:${lab.port}`
  const session = connect(at)
  t.teardown(() => session.destroy())
  const status = async (path: string, type: string, endStream: boolean): Promise<number> => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': type }, { endStream })
    if (!endStream) stream.end()
    stream.resume()
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }]
    return headers[':status']
  }
  for (const path of ['/x', '/buffered']) {
    for (const endStream of [true, false]) t.equal(await status(path, 'application/grpc', endStream), 200)
    t.equal((await fetch(at + path, { method: 'POST', headers: { 'content-type': 'application/grpc+proto' } })).status, 200) // prettier-ignore
  }
  t.strictSame(ended, [false, false, false, false, false, false])
  t.equal(await status('/x', 'text/plain', true), 200)
  t.ok(ended[6], 'the end of other requests comes with their head')
})
