import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { FieldList } from './fields.ts'

/** What the origin is to answer a step with; fields may be made when it does, since they hold dates. */
export interface Reply {
  readonly status?: number
  readonly fields?: FieldList | (() => FieldList)
  readonly body?: string
  /** Closes the connection instead of answering, or after that many bytes of body. */
  readonly cut?: 'at-once' | number
  readonly delayMs?: number
}

export interface Reached {
  readonly path: string
  readonly method: string
  readonly headers: http.IncomingHttpHeaders
}

/** An origin that answers what the request's `x-step` names; `x-served` in the answer tells which request made it. */
export class StepOrigin {
  readonly replies = new Map<string, Reply>()
  readonly reached: Reached[] = []
  address = ''

  static async start(t: Test): Promise<StepOrigin> {
    const origin = new StepOrigin()
    const server = http.createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
      request.resume()
      origin.#answer(request, response)
    })
    server.on('connection', (socket) => socket.on('error', () => {}))
    server.listen(0, '127.0.0.1')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    await once(server, 'listening')
    origin.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    return origin
  }

  of(path: string): Reached[] {
    return this.reached.filter((reached) => reached.path === path)
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const path = request.url ?? ''
    const step = String(request.headers['x-step'])
    this.reached.push({ path, method: request.method ?? '', headers: request.headers })
    const reply = this.replies.get(step) ?? {}
    if (reply.cut === 'at-once') return void request.socket.destroy()
    const send = () => {
      const { status = 200, body = 'body' } = reply
      const list = typeof reply.fields === 'function' ? reply.fields() : (reply.fields ?? [])
      response.sendDate = false
      response.statusCode = status
      const named = new Map<string, string[]>()
      for (const [name, value] of list) named.set(name, [...(named.get(name) ?? []), value])
      for (const [name, values] of named) response.setHeader(name, values.length === 1 ? values[0]! : values)
      response.setHeader('x-served', step)
      if (status === 204 || status === 304) return void response.end()
      if (typeof reply.cut === 'number') {
        response.setHeader('content-length', body.length)
        response.write(body.slice(0, reply.cut))
        setTimeout(() => request.socket.destroy(), 20)
      } else response.end(body)
    }
    if (reply.delayMs === undefined) send()
    else setTimeout(send, reply.delayMs)
  }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  /** The message broke off. */
  readonly broken: boolean
}

export function ask(
  port: number,
  path: string,
  step: string,
  options: { method?: string; fields?: FieldList; agent?: http.Agent } = {}
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | string[]> = { host: 'cache.test', 'x-step': step }
    for (const [name, value] of options.fields ?? []) {
      const before = headers[name.toLowerCase()]
      headers[name.toLowerCase()] = before === undefined ? value : [before, value].flat()
    }
    const { method = 'GET', agent } = options
    // Node frames the body of a DELETE only when told to.
    if (method !== 'GET' && method !== 'HEAD') headers['content-length'] = '3'
    const request = http.request({ port, path, method, headers, agent, host: '127.0.0.1' }, (response) => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => (body += chunk))
      const done = (broken: boolean) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, broken })
      response.on('error', () => done(true))
      response.on('end', () => done(!response.complete))
    })
    request.on('error', reject)
    request.end(method === 'GET' || method === 'HEAD' ? undefined : 'abc')
  })
}
