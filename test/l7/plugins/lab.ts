/* eslint-disable @typescript-eslint/no-explicit-any -- as a plugin in JavaScript has them: no compiler looks at what it writes */

import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Test } from 'tap'
import { definePlugin, type HostLogger, type Lb, start } from '../../../src/index.ts'

/** As a plugin in JavaScript has them: no compiler looks at what it writes. */
export type Hooks = Readonly<Record<string, (...args: any[]) => unknown>>

export interface Line {
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export interface Lab {
  readonly lb: Lb
  readonly port: number
  readonly lines: readonly Line[]
  /** `plugin` of the access log's line, and why the last exchange of a path failed; the log itself tells ten a second. */
  reason(path: string): string | undefined
  /** All that the backend has got. */
  got(): string
  /** What a client gets until its connection closes, for a GET of `path` and, behind it, one of /last that closes. */
  ask(path: string, method?: string, fields?: string): Promise<string>
  /** The same over HTTP/2: status and body, or the error. */
  ask2(path: string): Promise<{ status: number; body: string } | string>
  /** Of lb_plugin_errors_total. */
  errors(): number
}

/** A hook of that name which does what `cases` has for the path. */
export function hooksOf(cases: Readonly<Record<string, Hooks>>) {
  return (name: string) =>
    (exchange: { path: string }, ...rest: unknown[]): never =>
      cases[exchange.path.slice(1)]?.[name]?.(exchange, ...rest) as never
}

/** The name of a path, and the hooks of the plugin for it alone. */
export async function lab(t: Test, cases: Readonly<Record<string, Hooks>>): Promise<Lab> {
  let got = ''
  const origin = createServer((socket) => {
    let head = ''
    socket.on('error', () => {})
    socket.on('data', (data) => {
      got += data.toString('latin1')
      head += data.toString('latin1')
      for (let end = head.indexOf('\r\n\r\n'); end !== -1; end = head.indexOf('\r\n\r\n')) {
        const asked = head.slice(0, end)
        head = head.slice(end + 4)
        if (asked.includes('/backend-204')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
        else if (asked.includes('/upgrade'))
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbytes')
        else if (asked.includes('/backend-304'))
          socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n')
        else {
          const body = asked.startsWith('HEAD') ? '' : '0123456789'
          socket.write(`HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n${body}`)
        }
      }
    })
  }).listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const lines: Line[] = []
  const reasons = new Map<string, string>()
  const line = (fields: object, message: string): void => void lines.push({ fields: { ...fields }, message })
  const log = {
    trace() {},
    debug() {},
    info: line,
    warn: line,
    error: line,
    fatal: line,
    child() {}
  } as HostLogger
  const hook = hooksOf(cases)
  const plugin = definePlugin({
    name: 'wrong',
    before: 'cache',
    timeout: '60s',
    request: hook('request'),
    forward: hook('forward'),
    response: hook('response'),
    body: hook('body'),
    done(exchange, ms) {
      const { errorReason, logFields } = exchange as typeof exchange & {
        logFields: { record: Line['fields'] } | undefined
      }
      reasons.set(exchange.path.slice(1), `${String(logFields?.record['plugin'])}: ${errorReason}`)
      return hook('done')(exchange, ms)
    }
  })
  const lb = await start(
    {
      workers: 0,
      plugins: [plugin],
      listeners: {
        bind: '127.0.0.1:0',
        mode: 'l7',
        protocols: ['http/1.1', 'h2'],
        pool: 'web',
        accessLog: true
      },
      pools: { web: { backends: [`127.0.0.1:${(origin.address() as AddressInfo).port}`] } }
    },
    { log }
  )
  t.teardown(() => lb.kill())
  const port = lb.addresses[0]!.port!
  return {
    lb,
    port,
    lines,
    reason: (path) => reasons.get(path),
    got: () => got,
    ask(path, method = 'GET', fields = '') {
      return new Promise((resolve) => {
        let answer = ''
        const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
        const socket = connect(port, '127.0.0.1', () =>
          socket.write(`${method} /${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${last}`)
        )
        socket.on('data', (data) => (answer += data.toString('latin1')))
        socket.on('error', () => {})
        socket.on('close', () => resolve(answer))
      })
    },
    ask2(path) {
      return new Promise((resolve) => {
        const session = connectHttp2(`http://127.0.0.1:${port}`)
        session.on('error', () => {})
        const stream = session.request({ ':path': `/${path}` })
        let status = 0
        let body = ''
        stream.setEncoding('latin1')
        stream.on('response', (fields) => (status = fields[':status'] ?? 0))
        stream.on('data', (data: string) => (body += data))
        const over = (end: { status: number; body: string } | string): void => {
          resolve(end)
          session.destroy()
        }
        stream.on('error', (error) => over(error.message))
        stream.on('end', () => over({ status, body }))
      })
    },
    errors: () => Number(/lb_plugin_errors_total\{plugin="wrong"\} (\d+)/.exec(lb.metrics())?.[1])
  }
}
