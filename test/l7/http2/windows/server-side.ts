import { systemClock } from '../../../../src/core/clock.ts'
import type { Exchange } from '../../../../src/l7/exchange/exchange.ts'
import type { DownstreamStream } from '../../../../src/l7/exchange/downstream-stream.ts'
import { Offenders } from '../../../../src/l7/http2/server/offenders.ts'
import type { Http2Host } from '../../../../src/l7/http2/server/http2-host.ts'
import { ServerConnection } from '../../../../src/l7/http2/server/server-connection.ts'
import type { Request } from '../../../../src/l7/message/request.ts'
import { block, frame, GET, preface } from '../wire.ts'
import { Flow } from './flow.ts'
import type { Side } from './simulation.ts'
import { fakeTransports, type FakeTransport, type TransportKind } from './transports.ts'

const POST = [[':method', 'POST'], ...GET.slice(1)] as const
const nothing = { add() {} }
const timeouts = { requestHeadersMs: 1e9, idleMs: 1e9, tunnelMs: 1e9 }

/** lb as the server; exchanges answer by what the simulation says. */
export class ServerSide implements Side {
  readonly flows: Flow[] = []
  readonly transport: FakeTransport
  readonly #connection: ServerConnection
  #nextId = 1

  constructor(kind: TransportKind, deliver: (bytes: Buffer) => void) {
    let made: FakeTransport | undefined
    this.#connection = new ServerConnection(this.#host, (owner) => (made = new fakeTransports[kind](owner, deliver)), undefined, undefined)
    this.transport = made!
  } // prettier-ignore

  begin(): Buffer {
    return preface
  }

  open(uploads: boolean, priority: string): Buffer {
    const id = this.#nextId
    this.#nextId += 2
    const fields = [...(uploads ? POST : GET), ['priority', priority] as const]
    return frame(1, uploads ? 4 : 5, id, block(fields))
  }

  feed(bytes: Buffer): void {
    this.#connection.onData(bytes, 0, bytes.length)
  }

  get #host(): Http2Host {
    const host = {
      context: { deadlines: { now: systemClock.now(), add() {}, remove() {} }, log: { debug() {} }, bytesIn: nothing, bytesOut: nothing },
      snapshot: { config: { name: 'site', http2: { maxStreams: 100, idleMs: 1e9 }, timeouts, limits: { headBytes: 16_384, headerCount: 100, urlBytes: 8192 } }, trusted: { contains: () => false } },
      http2: { streams: nothing, glitches: nothing, connectionError() {}, reset() {} },
      offenders: new Offenders(),
      begin: (_: Request, served: DownstreamStream) => this.#exchange(served),
      closed() {}
    }
    return host as unknown as Http2Host
  } // prettier-ignore

  #exchange(served: DownstreamStream): Exchange {
    const flow = new Flow()
    flow.id = this.#nextId - 2
    this.flows.push(flow)
    flow.handle = {
      send(bytes, way) {
        if (way === 'owned') served.sendOwned(bytes)
        else if (way === 'text') served.sendText(bytes.toString('latin1'))
        else served.sendBody(bytes, 0, bytes.length)
      },
      end: () => served.sendEnd(''),
      flush: () => served.flush(),
      pause: () => served.pauseBody(),
      resume: () => served.resumeBody()
    }
    const exchange = {
      isStream: false,
      run() {
        served.sendHead(200, '', 'x-a: b\r\n', -1, false)
        flow.waits = !served.flush()
        served.startBody()
      },
      onRequestBody: (buffer: Buffer, start: number, end: number) => flow.data(buffer, start, end),
      onRequestEnd: () => void (flow.heardEnd = true),
      onRequestReadDone() {},
      onDownstreamDrain: () => flow.drained(),
      onClientGone: () => void (flow.gone = true)
    }
    flow.heardEnd = served.bodyComplete
    return exchange as unknown as Exchange
  }
}
