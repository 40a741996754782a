import { connect, type Socket } from 'node:net'
import t from 'tap'
import { answering, eventually, labOf, OK, rawBackend, type Lab } from '../engine/lab.ts'
import { block, frame, GET, parseFrames, preface, setting, u32, type Frame } from './wire.ts'

const POST: typeof GET = [[':method', 'POST'], ...GET.slice(1)]

interface Client {
  readonly socket: Socket
  frames(): Frame[]
  closed(): boolean
  error(): Error | undefined
}

async function h2(lab: Lab): Promise<Client> {
  const socket = connect({ port: lab.port, host: '127.0.0.1', allowHalfOpen: true })
  let bytes = Buffer.alloc(0)
  let closed = false
  let failure: Error | undefined
  socket.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])))
  socket.on('error', (error) => (failure = error))
  for (const event of ['end', 'close']) socket.on(event, () => (closed = true))
  await new Promise((resolve) => socket.on('connect', resolve))
  socket.write(preface)
  return { socket, frames: () => parseFrames(bytes), closed: () => closed, error: () => failure }
}

const listener = (timeouts: object = {}) => ({ listener: { protocols: ['h2'], timeouts } })

t.test(
  'a client of HTTP/2 that sends FIN behind its requests is answered, and then gets a FIN',
  async (t) => {
    const backend = await rawBackend(() => {})
    const lab = await labOf([backend], listener())
    const client = await h2(lab)
    client.socket.end(frame(1, 5, 1, block(GET)))
    await eventually(() => backend.connections[0]?.received.includes('\r\n\r\n') === true, 'request')
    await new Promise((resolve) => setTimeout(resolve, 1200))
    backend.connections[0]!.send(OK)
    await eventually(() => client.closed(), 'end')
    const data = client.frames().filter(({ type, id }) => type === 0 && id === 1)
    t.equal(Buffer.concat(data.map(({ payload }) => payload)).toString(), 'ok')
    t.equal(client.error(), undefined)
    await lab.close()
    await backend.close()
  }
)

t.test(
  'a client of HTTP/2 that is gone takes its requests along, and one that ends within a body too',
  async (t) => {
    for (const [fields, flags] of [
      [GET, 5],
      [POST, 4]
    ] as const) {
      const backend = await rawBackend(() => {})
      const lab = await labOf([backend], listener())
      const client = await h2(lab)
      client.socket.write(frame(1, flags, 1, block(fields)))
      await eventually(() => backend.connections[0]?.received.includes('\r\n\r\n') === true, 'request')
      client.socket.destroy()
      await eventually(() => backend.connections[0]!.ended || backend.connections[0]!.closed, 'backend told')
      await eventually(() => lab.active === 0 && lab.engine.connections === 0, 'nothing left')
      t.equal(lab.open, 0)
      await lab.close()
      await backend.close()
    }
  }
)

t.test('a body below minRate over HTTP/2 is answered 408; of gRPC it may be slow', async (t) => {
  const backend = await rawBackend(answering((head) => (head.includes('grpc') ? OK : '')))
  const lab = await labOf([backend], listener({ minRate: { bytes: '1000b', window: '500ms' } }))
  const client = await h2(lab)
  client.socket.write(frame(1, 4, 1, block(POST)))
  client.socket.write(frame(1, 4, 3, block([...POST, ['content-type', 'application/grpc']])))
  const drip = setInterval(() => {
    client.socket.write(frame(0, 0, 1, Buffer.from('x')))
  }, 50)
  await eventually(() => client.frames().some(({ type, id }) => type === 0 && id === 1), 'an answer')
  // It goes on with its drip, which does not keep the stream; it did for 30 s.
  const reset = () => client.frames().some(({ type, id }) => type === 3 && id === 1)
  const answered = performance.now()
  await eventually(reset, 'the stream ends')
  t.ok(performance.now() - answered < 20_000, 'soon')
  clearInterval(drip)
  const body = client.frames().filter(({ type, id }) => type === 0 && id === 1)
  t.match(Buffer.concat(body.map(({ payload }) => payload)).toString(), /minRate|LB_REQUEST_TIMEOUT|408/)
  t.notOk(client.closed(), 'the connection goes on')
  client.socket.destroy()
  await lab.close()
  await backend.close()
})

t.test('a client of HTTP/2 that reads nothing is closed after timeouts.idle, also while it sends PINGs', async (t) => {
  const backend = await rawBackend(() => {})
  const lab = await labOf([backend], listener({ idle: '500ms' }))
  const client = await h2(lab)
  const windows = Buffer.concat([frame(4, 0, 0, setting(4, 2 ** 31 - 1)), frame(8, 0, 0, u32(2 ** 30))])
  client.socket.write(Buffer.concat([windows, frame(1, 5, 1, block(GET))]))
  await eventually(() => backend.connections[0]?.received.includes('\r\n\r\n') === true, 'request')
  client.socket.pause()
  backend.connections[0]!.send(`HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n${'x'.repeat(30_000_000)}`)
  const pings = setInterval(() => client.socket.write(frame(6, 0, 0, Buffer.alloc(8))), 50)
  await eventually(() => client.closed() || client.error() !== undefined, 'end')
  clearInterval(pings)
  t.pass('it is closed')
  await lab.close()
  await backend.close()
}) // prettier-ignore
