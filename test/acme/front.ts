import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import { request } from 'node:https'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join, dirname } from 'node:path'
import type { Test } from 'tap'
import type { Pebble } from './pebble.ts'

export interface Front {
  /** Of its directory. */
  readonly url: string
  /** What has been asked for, in order: path, and payload where there is one. */
  readonly asked: readonly { readonly path: string; readonly payload: Record<string, unknown> }[]
}

export interface FrontOptions {
  /** Added to the directory. */
  readonly profiles?: Readonly<Record<string, string>>
  /** ARI: what it says of any certificate. */
  readonly window?: () => { readonly start: Date; readonly end: Date }
  /** In place of pebble's answer; undefined: pebble answers. */
  readonly instead?: (
    path: string
  ) =>
    { readonly status: number; readonly headers: Record<string, string>; readonly body: object } | undefined
}

/** Stands before pebble and has what pebble 2.4 lacks: renewalInfo, profiles, limits. */
export async function startFront(t: Test, pebble: Pebble, options: FrontOptions): Promise<Front> {
  const folder = dirname(pebble.ca)
  const pem = (name: string) => readFileSync(join(folder, name))
  const asked: { path: string; payload: Record<string, unknown> }[] = []
  const { port } = new URL(pebble.url)
  const server: Server = createServer({ cert: pem('cert.pem'), key: pem('key.pem') }, (incoming, answer) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const path = incoming.url!
      asked.push({ path, payload: payloadOf(body) })
      const ours = path.startsWith('/ari/') ? ari(options) : options.instead?.(path)
      if (ours !== undefined) {
        answer.writeHead(ours.status, { 'content-type': 'application/json', ...ours.headers })
        return void answer.end(JSON.stringify(ours.body))
      }
      // The Host stays: pebble makes its URLs of it, and signatures are over them.
      const { method, headers } = incoming
      const asking = request({ port, host: '127.0.0.1', path, method, headers, ca: pem('ca.pem') })
      asking.end(body)
      const [response] = (await once(asking, 'response')) as [IncomingMessage]
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part as Buffer)
      let text = Buffer.concat(parts)
      if (path === '/dir') {
        const directory = JSON.parse(text.toString()) as { meta?: object }
        const { origin } = new URL(`https://${headers.host}`)
        text = Buffer.from(
          JSON.stringify({
            ...directory,
            ...(options.window !== undefined && { renewalInfo: `${origin}/ari` }),
            meta: { ...directory.meta, profiles: options.profiles }
          })
        )
      }
      const { 'content-length': _, 'transfer-encoding': __, ...kept } = response.headers
      answer.writeHead(response.statusCode!, kept)
      answer.end(text)
    })().catch(() => answer.destroy())
  })
  server.listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`, asked }
}

function ari({ window }: FrontOptions) {
  const { start, end } = window!()
  return { status: 200, headers: { 'retry-after': '3600' }, body: { suggestedWindow: { start, end } } }
}

function payloadOf(body: Buffer): Record<string, unknown> {
  try {
    const { payload } = JSON.parse(body.toString()) as { payload: string }
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}
