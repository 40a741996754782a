import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  errorName,
  FLAG_ACK,
  GOAWAY,
  PREFACE,
  RST_STREAM,
  SETTINGS
} from '../../../../src/l7/http2/frames/codes.ts'
import { frame, parseFrames, type Frame } from '../wire.ts'

/** How long an answer may take on a machine that is busy with other things. */
const PATIENCE_MS = 10_000

/** A client of HTTP/2 that sends whatever bytes it is told, over a socket, and waits for what should come of them. */
export class Peer {
  readonly frames: Frame[] = []
  /** What the server's SETTINGS say. */
  readonly settings = new Map<number, number>()
  closed = false
  readonly #socket: Socket
  #held: Buffer = Buffer.alloc(0)
  #wake: () => void = () => {}
  /** Frames before this one have been looked at. */
  #seen = 0

  constructor(port: number, secure: boolean) {
    this.#socket = secure
      ? connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false })
      : connectTcp(port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    this.#socket.on('error', () => {})
    this.#socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    for (const event of ['end', 'close']) {
      this.#socket.on(event, () => {
        this.closed = true
        this.#wake()
      })
    }
  }

  send(...parts: Uint8Array[]): void {
    this.#socket.write(Buffer.concat(parts))
  }

  async handshake(): Promise<void> {
    this.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0))
    const settings = await this.next(({ type, flags }) => type === SETTINGS && flags === 0, 'SETTINGS')
    const { payload } = settings
    for (let at = 0; at < payload.length; at += 6) {
      this.settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
    }
    this.send(frame(SETTINGS, FLAG_ACK, 0))
    await this.next(({ type, flags }) => type === SETTINGS && flags === FLAG_ACK, 'SETTINGS ACK')
  }

  /** The next frame of this kind; those before it are passed over. */
  async next(wanted: (frame: Frame) => boolean, words: string): Promise<Frame> {
    return this.#until(() => {
      while (this.#seen < this.frames.length) {
        const each = this.frames[this.#seen++]!
        if (wanted(each)) return each
      }
      if (this.closed) throw new Error(`closed instead of ${words}; ${this.#told()}`)
      return undefined
    }, words)
  }

  /** Waits for the end of the connection. */
  async end(): Promise<void> {
    await this.#until(() => (this.closed ? true : undefined), 'the end of the connection')
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #until<T>(look: () => T | undefined, words: string): Promise<T> {
    let late = false
    const deadline = setTimeout(() => {
      late = true
      this.#wake()
    }, PATIENCE_MS)
    try {
      for (;;) {
        const found = look()
        if (found !== undefined) return found
        if (late) throw new Error(`no ${words}; ${this.#told()}`)
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(deadline)
    }
  }

  #told(): string {
    const words = this.frames.map(({ type, id, flags, payload }) => {
      if (type === RST_STREAM) return `RST_STREAM ${id} ${errorName(payload.readUInt32BE(0))}`
      if (type === GOAWAY) return `GOAWAY ${errorName(payload.readUInt32BE(4))}`
      return `${type}/${id}/${flags}/${payload.length}`
    })
    return `what came: ${words.join(', ')}`
  }

  #receive(bytes: Buffer): void {
    const all = Buffer.concat([this.#held, bytes])
    let at = 0
    while (at + 9 <= all.length && at + 9 + all.readUIntBE(at, 3) <= all.length)
      at += 9 + all.readUIntBE(at, 3)
    this.frames.push(...parseFrames(all.subarray(0, at)))
    this.#held = all.subarray(at)
    this.#wake()
  }
}
