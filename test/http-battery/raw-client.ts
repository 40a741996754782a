import type { Socket } from 'node:net'

export interface SeenResponse {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  /** The framing's end was seen; without length and coding: the connection's end. */
  readonly complete: boolean
}

/** What came back on a connection, and how it ended. */
export interface SeenConnection {
  readonly responses: readonly SeenResponse[]
  readonly end: 'open' | 'fin' | 'reset'
  /** What is no HTTP, or stands behind the last response. */
  readonly rest: string
}

/**
 * Writes bytes to a connection and reads responses until `enough` says so, the other side closes, or the deadline. Its
 * reader is its own.
 */
export async function converse(
  socket: Socket,
  bytes: string,
  enough: (seen: SeenConnection) => boolean,
  options: { readonly head?: boolean; readonly deadlineMs?: number } = {}
): Promise<SeenConnection> {
  let text = ''
  let end: SeenConnection['end'] = 'open'
  const read = (): SeenConnection => ({ ...readResponses(text, options.head === true, end === 'fin'), end })
  return await new Promise((resolve) => {
    const timer = setTimeout(finish, options.deadlineMs ?? 1500)
    function finish(): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(read())
    }
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1')
      if (enough(read())) finish()
    })
    socket.on('end', () => {
      end = 'fin'
      finish()
    })
    socket.on('error', () => {
      // What had come before the reset has been read: 'data' comes first.
      if (end === 'open') end = 'reset'
      finish()
    })
    socket.write(bytes, 'latin1')
  })
}

function readResponses(
  text: string,
  head: boolean,
  ended: boolean
): { responses: SeenResponse[]; rest: string } {
  const responses: SeenResponse[] = []
  let at = 0
  while (at < text.length) {
    const headEnd = text.indexOf('\r\n\r\n', at)
    if (headEnd === -1) break
    const [line = '', ...fields] = text.slice(at, headEnd).split('\r\n')
    const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line)
    if (status === null) break
    const value = (name: string): string | undefined =>
      fields
        .find((field) => field.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim()
    const code = Number(status[1])
    const start = headEnd + 4
    const rest = text.slice(start)
    let body: { body: string; trailers: string[]; length: number; complete: boolean }
    if (head || code < 200 || code === 204 || code === 304)
      body = { body: '', trailers: [], length: 0, complete: true }
    else if (value('transfer-encoding') !== undefined) body = readChunked(rest)
    else if (value('content-length') !== undefined) body = readLength(rest, Number(value('content-length')))
    else body = { body: rest, trailers: [], length: rest.length, complete: ended }
    responses.push({
      status: code,
      fields,
      body: body.body,
      trailers: body.trailers,
      complete: body.complete
    })
    at = start + body.length
    if (!body.complete) break
  }
  return { responses, rest: text.slice(at) }
}

function readLength(
  text: string,
  length: number
): { body: string; trailers: string[]; length: number; complete: boolean } {
  const body = text.slice(0, length)
  return { body, trailers: [], length: body.length, complete: body.length === length }
}

function readChunked(text: string): { body: string; trailers: string[]; length: number; complete: boolean } {
  let body = ''
  let at = 0
  for (;;) {
    const size = /^([0-9a-f]{1,8})\r\n/i.exec(text.slice(at, at + 12))
    if (size === null) return { body, trailers: [], length: text.length, complete: false }
    const length = parseInt(size[1]!, 16)
    at += size[0].length
    if (length === 0) break
    body += text.slice(at, at + length)
    if (text.slice(at + length, at + length + 2) !== '\r\n')
      return { body, trailers: [], length: text.length, complete: false }
    at += length + 2
  }
  if (text.startsWith('\r\n', at)) return { body, trailers: [], length: at + 2, complete: true }
  const end = text.indexOf('\r\n\r\n', at)
  if (end === -1) return { body, trailers: [], length: text.length, complete: false }
  return { body, trailers: text.slice(at, end).split('\r\n'), length: end + 4, complete: true }
}
