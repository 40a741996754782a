import { createServer as createHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { httpOrigin, startLb } from '../../e2e/servers.ts'
import { genericCases } from './conformance/cases-generic.ts'
import { http2Cases, prefaceCases } from './conformance/cases-http2.ts'
import { Peer } from './conformance/peer.ts'
import type { Case } from './conformance/steps.ts'

// What a public suite for HTTP/2 servers checks, case by case and strictly, over sockets and through the whole of lb: in
// clear text and over TLS, to backends of HTTP/1.1 and of HTTP/2, and where lb answers itself.

const CASES = [...prefaceCases, ...genericCases, ...http2Cases]
const AT_ONCE = 16

async function http2Origin(t: Test): Promise<string> {
  const server = createHttp2((request, response) => {
    request.resume()
    request.on('end', () => response.end('hello from the backend'))
    request.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function play(
  [section, title, ...steps]: Case,
  port: number,
  secure: boolean
): Promise<string | undefined> {
  const peer = new Peer(port, secure)
  try {
    if (!prefaceCases.some((each) => each[1] === title && each[0] === section)) await peer.handshake()
    for (const step of steps) {
      if (typeof step !== 'function') peer.send(step)
      else await step(peer)
    }
    return undefined
  } catch (error) {
    return `${section} ${title}: ${(error as Error).message}`
  } finally {
    peer.destroy()
  }
}

async function playAll(port: number, secure: boolean): Promise<string[]> {
  const failures: string[] = []
  const left = [...CASES]
  const worker = async (): Promise<void> => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) {
      const failure = await play(each, port, secure)
      if (failure !== undefined) failures.push(failure)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return failures
}

t.test('every case of the suite holds, over TLS and in clear text, whoever answers', async (t) => {
  t.ok(CASES.length >= 147, `${CASES.length} cases`)
  const http1 = await httpOrigin(t, 'a', (request, response) => {
    request.resume()
    request.on('end', () => response.end('hello from the backend'))
  })
  const pools = {
    http1: { backends: [http1.address] },
    http2: { protocol: 'h2c', backends: [await http2Origin(t)] }
  }
  const targets = { http1: { pool: 'http1' }, http2: { pool: 'http2' }, own: { routes: [{ respond: { status: 200, body: 'hello from lb' } }] } } // prettier-ignore
  const listeners = Object.entries(targets).flatMap(([name, target]) => [
    { name, bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2'], ...target },
    {
      name: `${name}-tls`,
      bind: '127.0.0.1:0',
      mode: 'l7',
      protocols: ['h2'],
      tls: { selfSigned: true },
      ...target
    }
  ])
  const lb = await startLb(t, { workers: 1, listeners, pools })
  for (const { name } of listeners) {
    t.strictSame(await playAll(lb.port(name), name.endsWith('-tls')), [], name)
  }
})
