import { createHash } from 'node:crypto'
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { fileSizes, patternBody, smallBody } from '../origins/content.ts'

export class WrongAnswer extends Error {}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface Question {
  readonly method?: string
  readonly body?: Buffer
  /** Send the body in chunks instead of with a Content-Length. */
  readonly chunked?: boolean
  readonly agent?: Agent
  readonly headers?: Readonly<Record<string, string>>
}

export function ask(port: number, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', body, chunked = false, agent, headers: more } = question
  return new Promise((resolve, reject) => {
    const headers = { ...more, ...(body !== undefined && !chunked && { 'content-length': body.length }) }
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent, timeout: 15_000 })
    outgoing.on('error', (error) => reject(new WrongAnswer(`${method} ${path}: ${error.message}`)))
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 15 s')))
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', (error) => reject(new WrongAnswer(`${method} ${path}: ${error.message}`)))
      incoming.on('end', () => {
        if (!incoming.complete) return reject(new WrongAnswer(`${method} ${path}: the body was cut short`))
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) })
      })
    })
    if (body !== undefined) {
      // Two writes make node:http choose chunks when no length is given.
      outgoing.write(body.subarray(0, body.length >> 1))
      outgoing.write(body.subarray(body.length >> 1))
    }
    outgoing.end()
  })
}

function expectSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new WrongAnswer(`${what} is ${String(found)}, expected ${String(expected)}`)
}

/** Status, bodies of all sizes, and the bytes that reach the origin, over kept connections. */
export async function checkHttp(port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    for (const [path, expected] of [['/', Buffer.from(smallBody)] as const, ...files()]) {
      const { status, body } = await ask(port, path, { agent })
      expectSame(`status of GET ${path}`, status, 200)
      expectSame(`body of GET ${path} (hash)`, sha256(body), sha256(expected))
    }
    const head = await ask(port, '/64k', { agent, method: 'HEAD' })
    expectSame('status of HEAD /64k', head.status, 200)
    expectSame('body of HEAD /64k (bytes)', head.body.length, 0)

    for (const [bytes, chunked] of [[1024, false] as const, [70_000, true] as const]) {
      const body = patternBody(bytes)
      const answer = await ask(port, '/witness', { agent, method: 'POST', body, chunked })
      expectSame('status of POST /witness', answer.status, 200)
      const seen = JSON.parse(answer.body.toString()) as { method: string; bytes: number; sha256: string }
      expectSame('method that the origin saw', seen.method, 'POST')
      expectSame('bytes that the origin saw', seen.bytes, bytes)
      expectSame('hash of what the origin saw', seen.sha256, sha256(body))
    }
  } finally {
    agent.destroy()
  }
}

function files(): (readonly [string, Buffer])[] {
  return Object.entries(fileSizes).map(([path, bytes]) => [path, patternBody(bytes)] as const)
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
