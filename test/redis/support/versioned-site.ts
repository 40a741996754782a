import { createHash } from 'node:crypto'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { ask, type CachingInstance, HOST, type Origin, originOf } from './caching.ts'

export const LANGUAGES = ['de', 'en'] as const

/** What was asked, and what is wrong with the answer; `version` where the answer has one. */
export interface Checked {
  readonly version: number | undefined
  readonly stored: boolean
  readonly status9211: string
  readonly wrong: string | undefined
}

/** An origin whose URLs have versions. A body tells which one it is, in which language, and that it is whole. */
export class VersionedSite {
  /** By number of the URL. */
  readonly versions: number[] = []
  readonly #random: () => number
  origin!: Origin

  private constructor(random: () => number) {
    this.#random = random
  }

  static async start(t: Test, random: () => number): Promise<VersionedSite> {
    const site = new VersionedSite(random)
    site.origin = await originOf(t, (request, response) => site.#answer(request, response))
    return site
  }

  /** A URL that nobody has asked for. Ended by a slash, so that none is the beginning of another. */
  add(): number {
    return this.versions.push(0) - 1
  }

  /** Asks an instance as some client would, and checks that the answer is one the site once gave. */
  async ask(instance: CachingInstance, path: number): Promise<Checked | undefined> {
    const url = urlOf(path)
    const language = LANGUAGES[Math.floor(this.#random() * LANGUAGES.length)]!
    const kind = this.#random()
    const version = this.versions[path]!
    const headers: Record<string, string> = { 'accept-language': language }
    if (kind < 0.1) headers['range'] = 'bytes=3-39'
    else if (kind < 0.2) headers['cache-control'] = 'no-cache'
    else if (kind < 0.3) headers['if-none-match'] = tagOf(url, language, Math.max(0, version - 1))
    const method = kind > 0.9 ? 'HEAD' : 'GET'
    const got = await ask(instance, url, headers, method).catch(() => undefined)
    // Broken off by the origin, or by the death of the instance.
    if (got === undefined || ![200, 206, 304].includes(got.status)) return undefined
    const tagged = /^"(.*) (.*) (\d+)"$/.exec(got.etag)
    const told = Number(tagged?.[3])
    const whole = bodyOf(url, language, told)
    const body = { 200: method === 'HEAD' ? '' : whole, 206: whole.slice(3, 40), 304: '' }[got.status]
    const mixed = got.etag !== tagOf(url, language, told) || got.body !== body
    return {
      version: told,
      status9211: got.status9211,
      stored: /hit|fwd-status=304/.test(got.status9211),
      wrong: mixed ? `${url} ${language}: ${got.status} ${got.etag}, a body that nobody sent` : undefined
    }
  }

  /** Changes a URL at the origin, through an instance. Returns the version that this made, where it is known. */
  async change(instance: CachingInstance, path: number): Promise<number | undefined> {
    const got = await ask(instance, urlOf(path), { 'content-length': '0' }, 'POST').catch(() => undefined)
    return got?.status === 200 ? Number(got.body) : undefined
  }

  /** A client that goes away, perhaps before it has got everything. */
  async leave(instance: CachingInstance, path: number, afterMs: number): Promise<void> {
    const asking = request(`${instance.url}${urlOf(path)}`, {
      headers: { host: HOST, 'accept-language': LANGUAGES[0] }
    })
    asking.on('error', () => {})
    asking.on('response', (response) => response.on('error', () => {}).resume())
    asking.end()
    await sleep(afterMs)
    asking.destroy()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url!
    const path = Number(url.slice(2, -1))
    if (request.method === 'POST') {
      return void response.end(String(++this.versions[path]!))
    }
    const language = String(request.headers['accept-language'])
    const version = this.versions[path]!
    const body = bodyOf(url, language, version)
    const etag = tagOf(url, language, version)
    const shared = {
      'cache-control': 'max-age=1000',
      'surrogate-key': `tag${path}`,
      vary: 'accept-language',
      etag
    }
    const headers = { ...shared, 'content-length': body.length }
    // Some answers come slowly, some break off.
    const kind = this.#random()
    const send = () => {
      if (kind > 0.95) response.writeHead(200, headers).write(body.slice(0, 40), () => response.destroy())
      else if (request.headers['if-none-match'] === etag) response.writeHead(304, shared).end()
      else response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : body)
    }
    setTimeout(send, kind < 0.3 ? 5 + 40 * this.#random() : 0)
  }
}

export function urlOf(path: number): string {
  return `/p${path}/`
}

function tagOf(url: string, language: string, version: number): string {
  return `"${url} ${language} ${version}"`
}

/** Of another length for each version, over a piece now and then. */
function bodyOf(url: string, language: string, version: number): string {
  const what = `${url} ${language} ${version}`
  const sum = createHash('sha256').update(what).digest('hex')
  return `${what} ${sum}`.padEnd(80 + ((version * 37_813) % 150_000), sum)
}
