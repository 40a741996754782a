import t from 'tap'
import type { Backend } from '../../../src/balancer/pool/backend.ts'
import { Lifetime } from '../../../src/l7/http1/client/resting.ts'
import { ClientConnection, type ConnectionPlace } from '../../../src/l7/http2/client/client-connection.ts'
import type { Transport } from '../../../src/net/transport/transport.ts'
import { frame } from './wire.ts'

const SETTINGS = 4

/** An idle connection to a backend, without a socket and with a clock that stands still. */
function rest(): { connection: ClientConnection; place: { now: number }; state: { closed: boolean } } {
  const state = { closed: false }
  const transport = {
    secure: false,
    copiesAtOnce: false,
    pending: 0,
    get closed() {
      return state.closed
    },
    sendOwned: () => true,
    end: () => (state.closed = true),
    destroy: () => (state.closed = true)
  }
  const nothing = () => {}
  const place = {
    now: 1_000_000,
    keepAliveMs: 55_000,
    keepsIdle: true,
    watch: nothing,
    unwatch: nothing,
    connected: nothing,
    connectFailed: nothing,
    turned: nothing,
    roomier: nothing,
    gone: nothing
  }
  const lifetime = new Lifetime({ maxAgeMs: undefined, maxRequests: undefined } as never, place.now, () => 0)
  const connection = new ClientConnection(place as ConnectionPlace, {} as Backend, lifetime)
  connection.attach(transport as unknown as Transport)
  connection.onConnect()
  return { connection, place, state }
}

t.test('an idle connection whose backend has not sent its SETTINGS for 5 s is closed', async (t) => {
  const { connection, place, state } = rest()
  t.equal(connection.deadline, place.now + 5_000)
  place.now += 5_000
  connection.onDeadline()
  t.ok(state.closed)
  t.equal(connection.endReason, 'sent no SETTINGS')
})

t.test('one that has sent them is asked after 20 s, and closed when it does not answer', async (t) => {
  const { connection, place, state } = rest()
  const settings = frame(SETTINGS, 0, 0)
  connection.onData(settings, 0, settings.length)
  t.equal(connection.deadline, place.now + 20_000)
  place.now += 20_000
  connection.onDeadline()
  t.notOk(state.closed)
  t.equal(connection.deadline, place.now + 5_000)
  place.now += 5_000
  connection.onDeadline()
  t.ok(state.closed)
  t.equal(connection.endReason, 'did not answer a PING')
})
