/**
 * Clients of a process of their own: `each` connections ask for every path at the same moment, path after path, `side`
 * of them by side. Every answer is held against what it says of itself: `x-bytes` bytes, the path over and over.
 * `node test/e2e/cache-crowd.ts '{"port":…,"paths":[…],"each":4,"side":10}'` prints a CrowdReport.
 */
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface CrowdOrder {
  readonly port: number
  readonly paths: readonly string[]
  readonly each: number
  readonly side: number
}

export interface CrowdReport {
  /** Complete by its framing, and every byte right. */
  whole: number
  /** Complete by its framing, and yet not what it should be: what must never be. */
  wrong: number
  /** The client can tell that it is not whole. */
  broken: number
  /** Other statuses than 200. */
  refused: number
  slowestMs: number
}

const timeoutMs = 90_000

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const report = await run(JSON.parse(process.argv[2]!) as CrowdOrder)
  process.stdout.write(JSON.stringify(report))
}

async function run({ port, paths, each, side }: CrowdOrder): Promise<CrowdReport> {
  const report: CrowdReport = { whole: 0, wrong: 0, broken: 0, refused: 0, slowestMs: 0 }
  const left = [...paths]
  const worker = async () => {
    for (let path = left.pop(); path !== undefined; path = left.pop()) {
      const sockets: Socket[] = []
      // A listen queue holds some hundreds.
      while (sockets.length < each) {
        const group = Math.min(200, each - sockets.length)
        sockets.push(...(await Promise.all(Array.from({ length: group }, () => dial(port)))))
      }
      const began = performance.now()
      const asked = path
      await Promise.all(
        sockets.map(async (socket) => {
          report[verdict(await answer(socket, asked), asked)]++
          report.slowestMs = Math.max(report.slowestMs, performance.now() - began)
        })
      )
    }
  }
  await Promise.all(Array.from({ length: side }, worker))
  return report
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
  })
}

interface Received {
  readonly text: string
  /** The connection ended without an error. */
  readonly clean: boolean
}

function answer(socket: Socket, path: string): Promise<Received> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let clean = true
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('timeout')))
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('error', () => (clean = false))
    socket.on('close', () => resolve({ text: Buffer.concat(parts).toString('latin1'), clean }))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: crowd\r\nConnection: close\r\n\r\n`)
  })
}

function verdict({ text, clean }: Received, path: string): 'whole' | 'wrong' | 'broken' | 'refused' {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return 'broken'
  const head = text.slice(0, end).toLowerCase()
  if (!head.startsWith('http/1.1 200 ')) return 'refused'
  const rest = text.slice(end + 4)
  const length = /\ncontent-length: (\d+)/.exec(head)?.[1]
  let body: string | undefined
  if (length !== undefined) body = rest.length === Number(length) ? rest : undefined
  else if (head.includes('\ntransfer-encoding: chunked')) body = unchunked(rest)
  else body = clean ? rest : undefined
  if (body === undefined) return 'broken'
  return body === bodyOf(path, Number(/\nx-bytes: (\d+)/.exec(head)![1])) ? 'whole' : 'wrong'
}

function unchunked(text: string): string | undefined {
  let body = ''
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = Number.parseInt(text.slice(at, end), 16)
    if (size === 0) return text.slice(end) === '\r\n\r\n' ? body : undefined
    if (end + 4 + size > text.length) return undefined
    body += text.slice(end + 2, end + 2 + size)
    at = end + 4 + size
  }
}

export function bodyOf(path: string, bytes: number): string {
  return path.repeat(Math.ceil(bytes / path.length)).slice(0, bytes)
}
