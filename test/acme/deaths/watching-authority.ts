import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { Pebble } from '../pebble.ts'

export const REQUESTS = [
  'account',
  'new order',
  'authorisation',
  'challenge',
  'finalize',
  'download'
] as const
export type Step = (typeof REQUESTS)[number] | 'order' | 'other'
/** Not passed on, or answered and the answer lost. */
export type Phase = 'before' | 'after'

export interface WatchingDeps {
  readonly pebble: Pebble
  /** Whether the client dies at this request; it is dead when this resolves. */
  readonly dies: (step: Step, phase: Phase) => Promise<boolean>
  /** Of pending authorizations and orders in the making. */
  readonly retryAfterS: number
  /** Each so many-th order that is asked for is answered 429; 0: none. */
  readonly limitEvery?: number
}

export interface WatchingAuthority {
  readonly url: string
  /** Orders that the authority has made, by name. */
  readonly orders: ReadonlyMap<string, number>
  /** Orders that the authority has called invalid, by name: each needs another one (RFC 8555 §7.1.6). */
  readonly invalid: ReadonlyMap<string, number>
  readonly reasons: readonly string[]
  /** Certificates that have been made, by name. */
  readonly generations: ReadonlyMap<string, number>
  /** Requests that came before the time of a Retry-After. */
  readonly early: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  /** The client has died, and with it what it knew. */
  forget(): void
  close(): void
}

interface Body {
  readonly status?: string
  readonly authorizations?: string[]
  readonly finalize?: string
  readonly certificate?: string
  readonly challenges?: { readonly url: string }[]
}

/** What was on its way when a limit was told arrives this long after it at most. */
const ON_ITS_WAY_MS = 500

/**
 * Stands before pebble: knows what each request is about, has Retry-After in its answers and sees who comes before that, and
 * tells by ARI that each first certificate is to be renewed at once.
 */
export async function watchingAuthority(deps: WatchingDeps): Promise<WatchingAuthority> {
  const { pebble, dies, retryAfterS } = deps
  const pem = (name: string) => readFileSync(join(dirname(pebble.ca), name))
  const agent = new Agent({ keepAlive: true, ca: pem('ca.pem') })
  const { port } = new URL(pebble.url)
  const known = new Map<string, { readonly step: Step; readonly name: string; readonly order?: string }>()
  const serials = new Map<string, number>()
  const orders = new Map<string, number>()
  const invalid = new Map<string, number>()
  const reasons: string[] = []
  const calledInvalid = new Set<string>()
  const generations = new Map<string, number>()
  const counts = new Map<string, number>()
  const notBefore = new Map<string, number>()
  const early: string[] = []
  let quietFrom = 0
  let quietUntil = 0
  let asked = 0
  const pathOf = (url: string) => new URL(url).pathname

  /** What this answer says of other URLs. */
  const learn = (
    at: { step: Step; name: string; order: string | undefined },
    path: string,
    location: string | undefined,
    text: string
  ) => {
    const { step, name } = at
    if (step === 'download') {
      const { serialNumber } = new X509Certificate(text)
      if (!serials.has(serialNumber)) {
        generations.set(name, (generations.get(name) ?? 0) + 1)
        serials.set(serialNumber, generations.get(name)!)
      }
      return
    }
    const body = JSON.parse(text) as Body
    const order = step === 'new order' ? pathOf(location!) : path
    if (step === 'new order') known.set(order, { step: 'order', name })
    const over = step === 'order' ? path : step === 'challenge' ? undefined : at.order
    if (body.status === 'invalid' && over !== undefined && !calledInvalid.has(over)) {
      calledInvalid.add(over)
      invalid.set(name, (invalid.get(name) ?? 0) + 1)
      reasons.push(`${name}: ${/"detail": ?"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? 'no reason'}`)
    }
    for (const each of body.authorizations ?? [])
      known.set(pathOf(each), { step: 'authorisation', name, order })
    if (body.finalize !== undefined) known.set(pathOf(body.finalize), { step: 'finalize', name, order })
    if (body.certificate !== undefined) known.set(pathOf(body.certificate), { step: 'download', name })
    for (const { url } of body.challenges ?? [])
      known.set(pathOf(url), { step: 'challenge', name, order: path })
  }

  const server = createServer({ cert: pem('cert.pem'), key: pem('key.pem') }, (incoming, answer) => {
    void (async () => {
      const path = incoming.url!
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const sent = Buffer.concat(chunks)
      if (path.startsWith('/ari/')) return void answer.writeHead(200, JSON_TYPE).end(renewalInfo(path))
      const { step, name, order } = known.get(path) ?? { step: stepOf(path), name: nameIn(sent) }
      counts.set(step, (counts.get(step) ?? 0) + 1)
      const now = Date.now()
      if (now < (notBefore.get(path) ?? 0)) early.push(`${step} of ${name}: ${notBefore.get(path)! - now} ms`)
      if (now > quietFrom + ON_ITS_WAY_MS && now < quietUntil)
        early.push(`${step} of ${name} after 429: ${quietUntil - now} ms`)
      if (await dies(step, 'before')) return void answer.destroy()
      if (step === 'new order' && deps.limitEvery && ++asked % deps.limitEvery === 0) {
        const body = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many orders' }
        answer.writeHead(429, { ...JSON_TYPE, 'retry-after': String(retryAfterS) }).end(JSON.stringify(body))
        quietFrom = Date.now()
        quietUntil = quietFrom + retryAfterS * 1_000
        return
      }
      // The Host stays: pebble makes its URLs of it, and signatures are over them.
      const { method, headers } = incoming
      const asking = request({ port, host: '127.0.0.1', path, method, headers, agent })
      asking.end(sent)
      const [response] = (await once(asking, 'response')) as [IncomingMessage]
      const parts_: Buffer[] = []
      for await (const part of response) parts_.push(part as Buffer)
      let text = Buffer.concat(parts_).toString()
      const status = response.statusCode!
      const ok = status >= 200 && status < 300
      if (step === 'new order' && status === 201) orders.set(name, (orders.get(name) ?? 0) + 1)
      const told: Record<string, string> = {}
      if (ok && (step === 'new order' || known.has(path))) {
        learn({ step, name, order }, path, response.headers.location, text)
        const busy = step !== 'download' && /"status": ?"(pending|processing)"/.test(text)
        if (busy && step !== 'new order') {
          told['retry-after'] = String(retryAfterS)
          const about = step === 'challenge' || step === 'finalize' ? (orderOf(path) ?? order!) : path
          notBefore.set(about, Date.now() + retryAfterS * 1_000)
        }
      }
      if (path === '/dir')
        text = JSON.stringify({ ...(JSON.parse(text) as object), renewalInfo: `https://${headers.host}/ari` })
      if (ok && (await dies(step, 'after'))) return void answer.destroy()
      const { 'content-length': _, 'transfer-encoding': __, ...kept } = response.headers
      answer.writeHead(status, { ...kept, ...told }).end(text)
    })().catch(() => answer.destroy())
  })

  /** What the Retry-After of a challenge or of `finalize` is about. */
  const orderOf = (path: string) => known.get(path)?.order

  const renewalInfo = (path: string) => {
    const serial = Buffer.from(path.split('.').at(-1)!, 'base64url').toString('hex').toUpperCase()
    const generation = serials.get(serial) ?? serials.get(serial.replace(/^00/, '')) ?? 1
    const start = Date.now() + (generation === 1 ? -7_200_000 : 86_400_000)
    return JSON.stringify({ suggestedWindow: { start: new Date(start), end: new Date(start + 3_600_000) } })
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`,
    ...{ orders, invalid, reasons, generations, early, counts },
    forget() {
      notBefore.clear()
      quietUntil = 0
    },
    close() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
    }
  }
}

const JSON_TYPE = { 'content-type': 'application/json' }

function stepOf(path: string): Step {
  if (path === '/order-plz') return 'new order'
  return path === '/sign-me-up' ? 'account' : 'other'
}

function nameIn(sent: Buffer): string {
  try {
    const { payload } = JSON.parse(sent.toString()) as { payload: string }
    const { identifiers } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
      identifiers?: { value: string }[]
    }
    return identifiers?.[0]?.value ?? ''
  } catch {
    return ''
  }
}
