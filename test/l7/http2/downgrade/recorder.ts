import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface Recorded {
  readonly line: string
  readonly fields: readonly string[]
  readonly body: string
  readonly trailers: string
}

/** A backend of HTTP/1.1 that takes nothing on trust, and keeps what it got. */
export interface Recorder {
  readonly address: string
  readonly requests: Recorded[]
  /** What no client of HTTP/1.1 may send. */
  readonly violations: string[]
  close(): void
}

const LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.1$/
const FIELD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*$/

export async function recorder(): Promise<Recorder> {
  const sockets = new Set<Socket>()
  const requests: Recorded[] = []
  const violations: string[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      for (;;) {
        const taken = take(text, violations)
        if (taken === undefined) return
        text = text.slice(taken.end)
        requests.push(taken.request)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    violations,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}

/** The first request of `text`, once it is whole. */
function take(text: string, violations: string[]): { request: Recorded; end: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [line, ...fields] = text.slice(0, headEnd).split('\r\n') as [string, ...string[]]
  const bad = (LINE.test(line) ? [] : [line]).concat(fields.filter((field) => !FIELD.test(field)))
  const of = (name: string): string[] =>
    fields.filter((field) => field.toLowerCase().startsWith(`${name}:`)).map((field) => field.slice(name.length + 1).trim()) // prettier-ignore
  const lengths = of('content-length')
  const codings = of('transfer-encoding')
  if (of('host').length !== 1 || lengths.length + codings.length > 1) bad.push(text.slice(0, headEnd))
  if (!lengths.every((length) => /^\d+$/.test(length)) || codings.some((coding) => coding !== 'chunked')) {
    bad.push(`${lengths.join()} ${codings.join()}`)
  }
  if (bad.length > 0 && !violations.includes(bad.join('\n'))) violations.push(bad.join('\n'))
  let at = headEnd + 4
  if (codings.length === 0) {
    const end = at + Number(lengths[0] ?? 0)
    if (text.length < end) return undefined
    return { request: { line, fields, body: text.slice(at, end), trailers: '' }, end }
  }
  let body = ''
  for (;;) {
    const sizeEnd = text.indexOf('\r\n', at)
    if (sizeEnd === -1) return undefined
    const size = Number.parseInt(text.slice(at, sizeEnd), 16)
    if (size === 0) break
    if (text.length < sizeEnd + 4 + size) return undefined
    body += text.slice(sizeEnd + 2, sizeEnd + 2 + size)
    at = sizeEnd + 4 + size
  }
  const last = text.indexOf('\r\n', at) + 2
  if (text.startsWith('\r\n', last)) return { request: { line, fields, body, trailers: '' }, end: last + 2 }
  const trailersEnd = text.indexOf('\r\n\r\n', last)
  if (trailersEnd === -1) return undefined
  return { request: { line, fields, body, trailers: text.slice(last, trailersEnd) }, end: trailersEnd + 4 }
}
