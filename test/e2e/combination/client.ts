import { connect, type Socket } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { ChunkedReader } from '../../../src/l7/http1/parse/chunked-reader.ts'
import { bytesOf, type Plan } from './plan.ts'

export interface Answer {
  readonly plan: Plan
  /** 0: the connection ended before it. */
  readonly status: number
  readonly head: string
  readonly body: Buffer
  /** All of it came. */
  readonly whole: boolean
}

/** Sends `plans` over one connection: each after the answer to the one before, or all at once (pipelined). */
export async function ask(port: number, plans: readonly Plan[], pipelined: boolean): Promise<Answer[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const answers = new Answers(socket)
  const all: Answer[] = []
  const sending = pipelined ? sendAll(socket, plans) : undefined
  for (const plan of plans) {
    if (!pipelined) void send(socket, plan)
    const answer = decoded(await answers.next(plan))
    all.push(answer)
    if (!answer.whole || /\r\nconnection: close\r\n/i.test(answer.head)) break
  }
  socket.destroy()
  await sending
  return all
}

const decoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync
}

/** The answer with its body as the backend meant it. */
function decoded(answer: Answer): Answer {
  const coding = /\r\ncontent-encoding: (\w+)\r\n/i.exec(answer.head)?.[1]
  if (coding === undefined || !answer.whole || answer.body.length === 0) return answer
  return { ...answer, body: decoders[coding]!(answer.body) }
}

async function sendAll(socket: Socket, plans: readonly Plan[]): Promise<void> {
  for (const plan of plans) await send(socket, plan)
}

async function send(socket: Socket, plan: Plan): Promise<void> {
  let head = `${plan.method} ${plan.path} HTTP/1.1\r\nHost: lb.test\r\nX-Plan: ${JSON.stringify(plan)}\r\n${plan.fields}`
  if (plan.upload > 0) {
    head += plan.chunkedUpload ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${plan.upload}\r\n`
  }
  socket.write(head + '\r\n', 'latin1')
  if (plan.upload === 0) return
  const body = bytesOf(plan.id, plan.upload)
  const piece = Math.max(1, Math.ceil(body.length / 10))
  for (let at = 0; at < body.length && !socket.destroyed; at += piece) {
    await new Promise((resolve) =>
      plan.pieceMs > 0 ? setTimeout(resolve, plan.pieceMs) : setImmediate(resolve)
    )
    const part = body.subarray(at, at + piece)
    if (!plan.chunkedUpload) socket.write(part)
    else
      socket.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]))
  }
  if (plan.chunkedUpload) socket.write('0\r\n\r\n')
}

/** Reads answers one after the other off a socket. */
class Answers {
  #bytes = Buffer.alloc(0)
  #closed = false
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes])
      this.#wake?.()
    })
    socket.on('error', () => {})
    for (const event of ['end', 'close']) {
      socket.once(event, () => {
        this.#closed = true
        this.#wake?.()
      })
    }
  }

  async next(plan: Plan): Promise<Answer> {
    for (;;) {
      const head = await this.#head()
      if (head === undefined) return { plan, status: 0, head: '', body: Buffer.alloc(0), whole: false }
      const status = Number(head.slice(9, 12))
      if (status < 200) continue
      const bodiless = plan.method === 'HEAD' || status === 204 || status === 304
      const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]
      if (bodiless) return { plan, status, head, body: Buffer.alloc(0), whole: true }
      if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return this.#chunked(plan, status, head)
      const whole = await this.#until(() => this.#bytes.length >= Number(length))
      const body = this.#bytes.subarray(0, Number(length))
      this.#bytes = this.#bytes.subarray(body.length)
      return { plan, status, head, body, whole }
    }
  }

  async #head(): Promise<string | undefined> {
    if (!(await this.#until(() => this.#bytes.includes('\r\n\r\n')))) return undefined
    const end = this.#bytes.indexOf('\r\n\r\n') + 4
    const head = this.#bytes.toString('latin1', 0, end)
    this.#bytes = this.#bytes.subarray(end)
    return head
  }

  async #chunked(plan: Plan, status: number, head: string): Promise<Answer> {
    const parts: Buffer[] = []
    const reader = new ChunkedReader()
    let whole = false
    const sink = {
      onChunkData: (buffer: Buffer, start: number, end: number) =>
        void parts.push(Buffer.from(buffer.subarray(start, end))),
      onChunkEnd: () => void (whole = true)
    }
    do {
      const after = reader.read(this.#bytes, 0, this.#bytes.length, sink)
      if (after < 0) throw new Error('broken chunks to the client')
      this.#bytes = this.#bytes.subarray(after)
    } while (!whole && (await this.#until(() => this.#bytes.length > 0)))
    return { plan, status, head, body: Buffer.concat(parts), whole }
  }

  /** False: the connection ended before. */
  async #until(holds: () => boolean): Promise<boolean> {
    const late = Date.now() + 20_000
    while (!holds()) {
      if (this.#closed) return false
      if (Date.now() > late) throw new Error('no answer within 20 s')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, 1_000).unref()
      })
    }
    return true
  }
}
