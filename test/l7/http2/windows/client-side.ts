import type { Backend } from '../../../../src/balancer/pool/backend.ts'
import type { Outgoing } from '../../../../src/l7/forward/forward-owner.ts'
import type { UpstreamClient } from '../../../../src/l7/forward/upstream-client.ts'
import { Lifetime } from '../../../../src/l7/http1/client/resting.ts'
import { ClientConnection, type ConnectionPlace } from '../../../../src/l7/http2/client/client-connection.ts'
import { ClientStream, type StreamLine } from '../../../../src/l7/http2/client/client-stream.ts'
import { HeaderBlock } from '../../../../src/l7/message/header-block.ts'
import { block, frame } from '../wire.ts'
import { Flow } from './flow.ts'
import type { Side } from './simulation.ts'
import { fakeTransports, type FakeTransport, type TransportKind } from './transports.ts'

const times = { connectMs: 1e9, responseMs: 1e9, idleMs: 1e9, streamMs: 1e9 }
const place: ConnectionPlace = {
  now: 0, keepAliveMs: 1e9, keepsIdle: true,
  watch() {}, unwatch() {}, connected() {}, connectFailed() {}, turned() {}, roomier() {}, gone() {}
} // prettier-ignore
const line: StreamLine = { now: 0, watch() {}, unwatch() {}, leave() {} }

/** lb as the client of a backend: requests upload what the simulation says. */
export class ClientSide implements Side {
  readonly flows: Flow[] = []
  readonly transport: FakeTransport
  readonly #connection: ClientConnection
  #nextId = 1

  constructor(kind: TransportKind, deliver: (bytes: Buffer) => void) {
    const lifetime = new Lifetime({} as ConstructorParameters<typeof Lifetime>[0], 0, () => 0)
    this.#connection = new ClientConnection(place, {} as Backend, lifetime)
    this.transport = new fakeTransports[kind](this.#connection, deliver)
    this.#connection.attach(this.transport)
    this.#connection.onConnect()
  }

  begin(): Buffer {
    return frame(4, 0, 0)
  }

  /** The backend's head comes at once. */
  open(): Buffer {
    const flow = new Flow()
    flow.id = this.#nextId
    this.#nextId += 2
    const request = {
      method: 'PUT', scheme: 'http', authority: 'a.test', path: '/', headers: new HeaderBlock(''), bodyLength: -1, upgrade: '', acceptsTrailers: false
    } as unknown as Outgoing // prettier-ignore
    const client: UpstreamClient = {
      onOpen() {},
      onOpenFailure() {},
      onInterim() {},
      onResponse() {},
      onBody: (buffer, start, end) => flow.data(buffer, start, end),
      onResponseEnd: () => void (flow.heardEnd = flow.gone = true),
      onReadDone() {},
      onUpstreamDrain: () => flow.drained(),
      onUpgrade() {},
      onFailure: () => void (flow.gone = true)
    }
    const stream = new ClientStream(line, request, times, client)
    this.#connection.begin(stream)
    flow.handle = {
      send: (bytes) => void stream.sendBody(bytes, 0, bytes.length),
      end() {
        stream.endBody('', flow.sent)
        stream.flush()
      },
      flush: () => stream.flush(),
      pause: () => stream.pause(),
      resume: () => stream.resume()
    }
    this.flows.push(flow)
    return frame(1, 4, flow.id, block([[':status', '200']]))
  }

  feed(bytes: Buffer): void {
    this.#connection.onData(bytes, 0, bytes.length)
  }
}
