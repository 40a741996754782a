import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Deadlines } from '../../../src/core/deadlines.ts'
import type { Transport } from '../../../src/net/transport/transport.ts'
import { Sent } from '../../../src/l7/http1/client/sent.ts'
import { UpstreamConnection } from '../../../src/l7/http1/client/upstream-connection.ts'
import { HeaderBlock } from '../../../src/l7/message/header-block.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

// A request whose head is gathered with others of its turn, over a connection without a socket.

const RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

function rig() {
  const told: string[] = []
  const written: string[] = []
  const transport = {
    closed: false,
    pending: 0,
    bytesIn: 0,
    readsOut: false,
    sendText: (text: string) => written.push(text) > 0,
    destroy: () => (transport.closed = true),
    resume() {}
  }
  const keeper = {
    deadlines: new Deadlines(new FakeClock()),
    release: () => told.push('released'),
    connected() {},
    gone() {}
  }
  const connection = new UpstreamConnection(keeper as never, {} as never, { isOver: () => false } as never)
  connection.attach(transport as unknown as Transport)
  const client = {
    onResponse: ({ status }: { status: number }) => told.push(`response ${status}`),
    onResponseEnd: () => told.push('end'),
    onFailure: (failure: string) => told.push(failure),
    onReadDone() {}
  }
  const request = { method: 'GET', target: '/', version: '1.1', host: 'a.example', headers: new HeaderBlock('host: a.example\r\n'), bodyLength: 0, upgrade: '', preface: '' } // prettier-ignore
  const sent = new Sent(client as never, request as never, { connectMs: 1e3, responseMs: 1e3, idleMs: 1e3 } as never) // prettier-ignore
  const send = (): void => {
    sent.use(connection, false)
    sent.flush()
    sent.flush()
  }
  const answer = (): void => connection.onData(RESPONSE, 0, RESPONSE.length)
  return { told, written, transport, connection, send, answer }
}

t.test('its head is written once, at the end of the turn, and its answer comes after that', async (t) => {
  const { told, written, send, answer } = rig()
  send()
  t.strictSame(written, [])
  await turn()
  t.equal(written.length, 1)
  t.match(written[0], /^GET .*\r\n\r\n$/s)
  answer()
  t.strictSame(told, ['response 200', 'end', 'released'])
})

t.test(
  'bytes that come before the request is written do not answer it, and end the connection',
  async (t) => {
    const { told, written, transport, connection, send, answer } = rig()
    send()
    answer()
    t.ok(transport.closed)
    connection.onConnect()
    connection.onClose(undefined)
    t.strictSame(told, ['reset'])
    await turn()
    t.strictSame(written, [], 'nothing is sent on it any more')
  }
)

t.test('more than 32 of one turn do not wait for its end', async (t) => {
  const rigs = Array.from({ length: 40 }, rig)
  for (const { send } of rigs) send()
  t.equal(rigs.filter(({ written }) => written.length === 1).length, 32)
  await turn()
  t.ok(rigs.every(({ written }) => written.length === 1))
})
