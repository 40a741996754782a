import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { drain, Lab } from './wire.ts'

// Our session against nghttp2, which node:http2 has inside: what one writes the other must read, both ways.

async function serve(t: Test, onLab: (lab: Lab) => void): Promise<ClientHttp2Session> {
  const server = createServer((socket) => {
    const made = new Lab()
    onLab(made)
    const write = (): void => {
      for (let bytes = drain(made.session.out); bytes.length > 0; bytes = drain(made.session.out)) {
        socket.write(bytes)
        made.session.written()
      }
    }
    made.wake = () => setImmediate(write)
    socket.on('data', (bytes: Buffer) => {
      made.session.receive(bytes, 0, bytes.length)
      write()
    })
    socket.on('error', () => {})
    write()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => {
    client.destroy()
    server.close()
  })
  return client
}

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: string
}

async function ask(
  client: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  body: string
): Promise<Answer> {
  const request = client.request(headers, { endStream: body === '' })
  let answer: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  let text = ''
  request.on('response', (got) => (answer = got))
  request.on('trailers', (got) => (trailers = got))
  request.setEncoding('latin1')
  request.on('data', (chunk: string) => (text += chunk))
  if (body !== '') request.end(body, 'latin1')
  await once(request, 'end')
  return { headers: answer, trailers, body: text }
}

const name = fc
  .string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-'), minLength: 1, maxLength: 20 })
  .map((text) => `x-${text}`)
const value = fc
  .string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)), maxLength: 300 })
  .map((text) => text.trim())
const fields = fc.dictionary(name, value, { maxKeys: 15 })

t.test(
  'fields, bodies and trailers pass between nghttp2 and us unchanged, over one connection',
  async (t) => {
    const client = await serve(t, (made) => {
      made.onHeard = ({ stream, request }) => {
        const heard = made.heard.at(-1)!
        const answer = (): void => {
          made.session.respond(stream, 200, request!.headers.text.replace(/^host:.*\r\n/, ''), -1)
          const bytes = Buffer.from(heard.body, 'latin1')
          made.session.send(stream, bytes, 0, bytes.length, false)
          made.session.end(stream, heard.trailers === '' ? 'x-sum: 1\r\n' : heard.trailers!)
        }
        if (heard.trailers !== undefined) answer()
        else
          heard.onDataEnd = (trailers) => {
            heard.trailers = trailers
            answer()
          }
      }
    })
    await fc.assert(
      fc.asyncProperty(
        fields,
        fc.oneof(fc.constant(''), value, fc.constant('b'.repeat(200_000))),
        async (sent, body) => {
          const {
            headers,
            trailers,
            body: echoed
          } = await ask(client, { ':path': '/', ':method': 'POST', ...sent }, body)
          for (const [each, text] of Object.entries(sent)) t.equal(headers[each], text)
          t.equal(echoed.length, body.length)
          t.equal(trailers['x-sum'], '1')
        }
      ),
      { numRuns: 150 }
    )
  }
)

t.test('a hundred streams at once, each with its own body', async (t) => {
  const client = await serve(t, (made) => {
    made.onHeard = ({ stream, request }) => {
      const body = Buffer.from(request!.target.repeat(5000))
      made.session.respond(stream, 200, 'server: lb\r\n', -1)
      made.session.send(stream, body, 0, body.length, true)
      made.session.end(stream, '')
    }
  })
  const all = Array.from({ length: 100 }, async (_, i) => ask(client, { ':path': `/${i}` }, ''))
  const bodies = (await Promise.all(all)).map(({ body }) => body)
  t.strictSame(
    bodies,
    Array.from({ length: 100 }, (_, i) => `/${i}`.repeat(5000))
  )
})
