import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { setTimeout as wait } from 'node:timers/promises'
import { resetSocket } from '../../reset-socket.ts'

export interface AbuseTarget {
  readonly ports: readonly number[]
  readonly hellos: readonly Buffer[]
  readonly random: () => number
}

const BIG = 'GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n'
const SMALL = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
const UPLOAD = 'POST /sink HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n'
const H2 = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
const bytes = Buffer.alloc(65_536, 'x')
/** No client waits longer for anything. */
const PATIENCE_MS = 3_000

/** What clients do wrong, by the phase of a connection in which they do it. One connection each. */
export class AbusiveClients {
  readonly #target: AbuseTarget
  #session: Buffer | undefined
  readonly counts = new Map<string, number>()

  constructor(target: AbuseTarget) {
    this.#target = target
  }

  /** One connection. `share` of them speak TLS to the end of the handshake, which costs the client as much as lb. */
  async live(share: number): Promise<void> {
    const { random } = this.#target
    const [name, way] = random() < share ? this.#of(this.#whole) : this.#of(this.#begun)
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    await way()
  }

  #of(ways: Readonly<Record<string, () => Promise<void>>>): readonly [string, () => Promise<void>] {
    const entries = Object.entries(ways)
    return entries[this.#pick(entries.length)]!
  }

  #pick(n: number): number {
    return Math.floor(this.#target.random() * n)
  }

  readonly #begun: Readonly<Record<string, () => Promise<void>>> = {
    'says nothing': () => this.#raw(async () => {}),
    'no TLS': () => this.#raw(async (socket) => void socket.write(bytes.subarray(0, 1 + this.#pick(600)))),
    'HTTP in clear text': () => this.#raw(async (socket) => void socket.write(SMALL)),
    'half a ClientHello': () =>
      this.#raw(async (socket) => {
        const hello = this.#hello()
        socket.write(hello.subarray(0, 1 + this.#pick(hello.length - 1)))
      }),
    'a ClientHello in pieces': () =>
      this.#raw(async (socket) => {
        const hello = this.#hello()
        for (let at = 0; at < hello.length; at += 400) {
          socket.write(hello.subarray(at, at + 400))
          await new Promise((resolve) => setImmediate(resolve))
        }
      }),
    'a ClientHello, no more': () => this.#raw(async (socket) => void socket.write(this.#hello())),
    'a damaged ClientHello': () =>
      this.#raw(async (socket) => {
        const hello = Buffer.from(this.#hello())
        for (let n = 0; n < 3; n++) hello[this.#pick(hello.length)] = this.#pick(256)
        socket.write(hello)
      }),
    'leaves after the ServerHello': () =>
      this.#raw(async (socket) => {
        socket.write(this.#hello())
        await this.#soon(once(socket, 'data'))
      }),
    'garbage after the ServerHello': () =>
      this.#raw(async (socket) => {
        socket.write(this.#hello())
        await this.#soon(once(socket, 'data'))
        const type = [20, 21, 22, 23][this.#pick(4)]!
        socket.write(Buffer.concat([Buffer.from([type, 3, 3, 0, 40]), bytes.subarray(0, 40)]))
        await this.#soon(once(socket, 'close'))
      })
  }

  readonly #whole: Readonly<Record<string, () => Promise<void>>> = {
    'leaves when it is done': () => this.#tls(async () => {}),
    'at any moment': () => this.#tls(undefined),
    'in the middle of an answer': () =>
      this.#tls(async (socket) => {
        socket.write(BIG)
        await this.#soon(once(socket, 'data'))
      }),
    'never reads': () =>
      this.#tls(async (socket) => {
        socket.pause()
        socket.write(BIG.repeat(8))
        await wait(this.#pick(100))
      }),
    'half-closes': () =>
      this.#tls(async (socket) => {
        socket.end(this.#pick(2) === 0 ? BIG : SMALL)
        await this.#soon(once(socket, 'close'))
      }),
    'in the middle of an upload': () =>
      this.#tls(async (socket) => {
        socket.write(UPLOAD)
        for (let n = this.#pick(15); n >= 0; n--) socket.write(bytes)
        await wait(this.#pick(10))
      }),
    'many requests at once': () =>
      this.#tls(async (socket) => {
        socket.write(SMALL.repeat(1 + this.#pick(50)))
        await wait(this.#pick(5))
      }),
    'HTTP/2': () =>
      this.#tls(async (socket) => {
        socket.write(H2, 'latin1')
        if (this.#pick(2) === 0) socket.write(bytes.subarray(0, 1 + this.#pick(2_000)))
        await wait(this.#pick(5))
      }, 'h2'),
    'a renegotiation': () =>
      this.#tls(async (socket) => {
        socket.renegotiate({}, () => {})
        await wait(this.#pick(5))
      }),
    behaves: () =>
      this.#tls(async (socket) => {
        socket.write(SMALL)
        await this.#soon(once(socket, 'data'))
        socket.end()
        await this.#soon(once(socket, 'close'))
      })
  }

  /** Ends by a reset, a FIN or a half-close; or does not, and it is left to lb's deadlines. */
  async #raw(act: (socket: Socket) => Promise<void>): Promise<void> {
    const socket = this.#connect().resume()
    await this.#soon(once(socket, 'connect'))
    await act(socket)
    await this.#leave(socket)
  }

  /** `act` undefined: it is reset at any moment of the handshake. */
  async #tls(act: ((socket: TLSSocket) => Promise<void>) | undefined, alpn = 'http/1.1'): Promise<void> {
    const under = this.#connect()
    const version = this.#pick(2) === 0 ? ('TLSv1.2' as const) : ('TLSv1.3' as const)
    const session = this.#pick(3) === 0 ? this.#session : undefined
    const socket = connect({
      ...{ socket: under, servername: this.#pick(2) === 0 ? 'a.test' : 'b.test', ALPNProtocols: [alpn] },
      ...{ rejectUnauthorized: false, minVersion: version, maxVersion: version },
      ...(session !== undefined && { session })
    })
    socket.on('error', () => {})
    socket.on('session', (fresh) => (this.#session = fresh))
    socket.resume()
    if (act === undefined) await wait(this.#pick(8))
    else {
      await this.#soon(once(socket, 'secureConnect'))
      if (!socket.destroyed) await act(socket)
    }
    // Who leaves while bytes wait for it sends a reset; Node does not live through one by hand here (24.21).
    if (act === undefined) resetSocket(under)
    else if (this.#pick(3) === 0) {
      socket.end()
      await Promise.race([this.#soon(once(socket, 'close')), wait(20)])
    }
    socket.destroy()
  }

  async #leave(socket: Socket): Promise<void> {
    const way = this.#pick(40)
    if (way === 0) await this.#soon(once(socket, 'close'))
    else if (way < 8) {
      socket.end()
      await Promise.race([this.#soon(once(socket, 'close')), wait(20)])
    }
    if (way < 30) resetSocket(socket)
    else socket.destroy()
  }

  #connect(): Socket {
    const { ports } = this.#target
    const socket = connectTcp({
      port: ports[this.#pick(ports.length)]!,
      host: '127.0.0.1',
      allowHalfOpen: true
    })
    socket.on('error', () => {})
    return socket
  }

  #hello(): Buffer {
    const { hellos } = this.#target
    return hellos[this.#pick(hellos.length)]!
  }

  /** Whatever comes first: this, its failure, or the end of patience. */
  async #soon(event: Promise<unknown>): Promise<void> {
    const quiet = new AbortController()
    await Promise.race([
      event.catch(() => {}),
      wait(PATIENCE_MS, undefined, { signal: quiet.signal }).catch(() => {})
    ])
    quiet.abort()
  }
}
