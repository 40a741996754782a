import { connect } from 'node:net'
import t from 'tap'
import { ListenSocket } from '../../src/runtime/plane/sockets/listen-socket.ts'
import { hasReusePort } from '../../src/runtime/plane/sockets/reuse-port.ts'

const skip = !hasReusePort && 'one socket per address here'

t.test('a turn of the event loop takes more than one new connection', { skip }, async (t) => {
  let turn = 0
  const turns: number[] = []
  const bind = { kind: 'tcp', host: '127.0.0.1', port: 0, text: '127.0.0.1:0' } as const
  const socket = await ListenSocket.open(
    bind,
    undefined,
    (attach) => {
      turns.push(turn)
      attach({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} }).reset()
    },
    t.fail
  )
  const port = socket.port!
  const count = () => {
    turn++
    if (turns.length < 64) setImmediate(count)
  }
  setImmediate(count)
  const closed = Array.from({ length: 64 }, () => {
    const client = connect(port, '127.0.0.1').on('error', () => {})
    return new Promise((resolve) => client.on('close', resolve))
  })
  await Promise.all(closed)
  t.equal(turns.length, 64, 'none is lost')
  t.ok(new Set(turns).size < 48, `${new Set(turns).size} turns`)
  await socket.close()
  const refused = await new Promise<string>((resolve) =>
    connect(port, '127.0.0.1').on('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
  )
  t.equal(refused, 'ECONNREFUSED')
})

t.test('an address that cannot be had is let go of', { skip }, async (t) => {
  const bind = { kind: 'tcp', host: '192.0.2.1', port: 1, text: '' } as const
  await t.rejects(
    ListenSocket.open(bind, undefined, () => {}, t.fail),
    { code: 'EADDRNOTAVAIL' }
  )
})
