import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface SeenRequest {
  readonly line: string
  readonly fields: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/**
 * A backend on node:net that notes what it is sent, byte for byte, and shares no code with what is tested. It reads
 * strictly: what it cannot read it notes in `broken`.
 */
export class RawOrigin {
  readonly requests: SeenRequest[] = []
  readonly broken: string[] = []
  /** What to answer, and whether to close after it; by default a 200. */
  answer: (request: SeenRequest) => { readonly bytes: string; readonly close?: boolean | 'reset' } = () => ({
    bytes: OK
  })
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  reset(): void {
    this.requests.length = 0
    this.broken.length = 0
    this.answer = () => ({ bytes: OK })
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.setNoDelay(true)
    let text = ''
    socket.on('data', (data) => {
      text += data.toString('latin1')
      for (;;) {
        const read = readRequest(text)
        if (read === undefined) return
        if (typeof read === 'string') {
          this.broken.push(`${read}: ${JSON.stringify(text.slice(0, 300))}`)
          socket.destroy()
          return
        }
        text = text.slice(read.length)
        this.requests.push(read.request)
        const { bytes, close } = this.answer(read.request)
        if (close === 'reset') {
          socket.write(bytes, 'latin1', () => socket.resetAndDestroy())
          return
        }
        socket.write(bytes, 'latin1')
        if (close === true) {
          socket.end()
          return
        }
      }
    })
  }
}

/** The first request in `text` and its length, undefined when it is not all there, or what is wrong with it. */
function readRequest(text: string): { request: SeenRequest; length: number } | string | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [line = '', ...fields] = text.slice(0, end).split('\r\n')
  if (!/^[!-~]+ [!-~]+ HTTP\/1\.1$/.test(line)) return 'bad request line'
  const bad = fields.find((field) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[\t\x20-\x7e\x80-\xff]*$/.test(field))
  if (bad !== undefined) return `bad field ${JSON.stringify(bad)}`
  const values = (name: string): string[] =>
    fields
      .filter((field) => field.toLowerCase().startsWith(`${name}:`))
      .map((field) => field.slice(name.length + 1).trim())
  if (values('host').length !== 1) return 'not one Host'
  const lengths = values('content-length')
  const codings = values('transfer-encoding')
  if (lengths.length + codings.length > 1) return 'framing told twice'
  const start = end + 4
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') return `coding ${codings[0]}`
    const read = readChunks(text, start)
    if (typeof read !== 'object') return read
    return { request: { line, fields, body: read.body, trailers: read.trailers }, length: read.end }
  }
  const length = lengths.length === 0 ? 0 : /^\d{1,15}$/.test(lengths[0]!) ? Number(lengths[0]) : -1
  if (length === -1) return `length ${lengths[0]}`
  if (text.length < start + length) return undefined
  return {
    request: { line, fields, body: text.slice(start, start + length), trailers: [] },
    length: start + length
  }
}

function readChunks(
  text: string,
  from: number
): { body: string; trailers: string[]; end: number } | string | undefined {
  let body = ''
  let at = from
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = text.slice(at, lineEnd)
    if (!/^[0-9a-fA-F]{1,8}$/.test(size)) return `chunk size ${JSON.stringify(size.slice(0, 40))}`
    const length = parseInt(size, 16)
    at = lineEnd + 2
    if (length === 0) break
    if (text.length < at + length + 2) return undefined
    if (text.slice(at + length, at + length + 2) !== '\r\n') return 'no line end after a chunk'
    body += text.slice(at, at + length)
    at += length + 2
  }
  if (text.startsWith('\r\n', at)) return { body, trailers: [], end: at + 2 }
  const end = text.indexOf('\r\n\r\n', at)
  return end === -1 ? undefined : { body, trailers: text.slice(at, end).split('\r\n'), end: end + 4 }
}
