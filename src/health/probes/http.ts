import type { BackendAddress, ProbeConfig } from '../../config/model/model.ts'
import { MOST_BYTES, ProbeMismatch, type Probe } from '../probe.ts'
import { Chunks } from './chunks.ts'
import { converse } from './converse.ts'
import { http2Probe } from './http2.ts'
import { excerpt, type Dialogue, type Step } from './dialogue.ts'
import { TextSearch } from './text-search.ts'

const MOST_HEAD = 16 * 1024

/** One request on a connection of its own: a kept one would not notice that the backend stopped accepting. */
export const httpProbe: Probe = (target, signal) => {
  const { address, config } = target
  if (config.http2 === true) return http2Probe(target, signal)
  return converse(target, new HttpDialogue(config, address), signal, { secure: config.type === 'https' })
}

/** Asks once and reads the head, and the body where a text is expected in it. */
export class HttpDialogue implements Dialogue {
  readonly #config: ProbeConfig
  readonly #request: string
  #head: string | undefined = ''
  #search: TextSearch | undefined
  #chunks: Chunks | undefined
  /** Bytes of the body still to come; Infinity until the backend closes. */
  #left = Infinity
  #passed = ''

  constructor(config: ProbeConfig, address: BackendAddress) {
    this.#config = config
    this.#request = probeRequest(config, address)
  }

  begin(): Step {
    return { send: this.#request }
  }

  received(bytes: Buffer): Step | undefined {
    if (this.#head === undefined) return this.#body(bytes)
    this.#head += bytes.toString('latin1')
    for (;;) {
      const end = /\r?\n\r?\n/.exec(this.#head)
      if (end === null) break
      const rest = this.#head.slice(end.index + end[0].length)
      const head = this.#head.slice(0, end.index)
      const status = statusOf(head)
      // Interim answers come before the one that counts (RFC 9110 §15.2).
      if (status < 200 && status !== 101) this.#head = rest
      else return this.#judge(status, head, Buffer.from(rest, 'latin1'))
    }
    if (this.#head.length > 8) statusOf(this.#head, true)
    if (this.#head.length > MOST_HEAD) throw new ProbeMismatch(`a head of more than ${MOST_HEAD} bytes`)
    return undefined
  }

  closed(): Step {
    if (this.#head !== undefined) throw new ProbeMismatch(`closed after ${excerpt(this.#head)}`)
    throw this.#lacks()
  }

  #judge(status: number, head: string, rest: Buffer): Step | undefined {
    this.#head = undefined
    const { statuses, body, method } = this.#config
    if (!statuses.some(({ from, to }) => status >= from && status <= to)) {
      throw new ProbeMismatch(`status ${status}`)
    }
    this.#passed = `status ${status}`
    if (body === undefined) return { passed: this.#passed, lingers: true }
    if (method === 'HEAD' || status === 101 || status === 204 || status === 304) throw this.#lacks()
    this.#search = new TextSearch(Buffer.from(body).toString('latin1'))
    if (/^transfer-encoding:[^\n]*chunked/im.test(head)) this.#chunks = new Chunks()
    else this.#left = Number(/^content-length:[ \t]*(\d{1,15})[ \t]*\r?$/im.exec(head)?.[1] ?? Infinity)
    return this.#body(rest)
  }

  #body(bytes: Buffer): Step | undefined {
    const search = this.#search!
    for (const part of this.#chunks?.data(bytes) ?? [bytes]) {
      if (search.found(part)) return { passed: this.#passed, lingers: true }
    }
    const ended = this.#chunks?.ended === true || search.seen >= this.#left
    if (ended || search.seen > MOST_BYTES) throw this.#lacks()
    return undefined
  }

  #lacks(): ProbeMismatch {
    return new ProbeMismatch(`the body lacks ${JSON.stringify(this.#config.body!.slice(0, 60))}`)
  }
}

/** Throws unless an answer of HTTP/1 begins so. `partial`: only what is there of the status line is looked at. */
function statusOf(head: string, partial = false): number {
  const match = /^HTTP\/1\.[01] (\d{3})(?=[ \r\n]|$)/.exec(head)
  if (match !== null) return Number(match[1])
  if (partial && (head.length < 12 || !head.includes('\n')) && head.startsWith('HTTP/1.')) return 0
  throw new ProbeMismatch(`not HTTP: ${excerpt(head)}`)
}

/** The request's text. It announces that the connection ends with the answer (RFC 9112 §9.6). */
export function probeRequest(config: ProbeConfig, address: BackendAddress): string {
  const { method, path, host, headers } = config
  const fields = new Map<string, string>([
    ['host', `Host: ${host ?? (address.kind === 'tcp' ? address.text : 'localhost')}`],
    ['user-agent', 'User-Agent: lb-probe'],
    ['accept', 'Accept: */*']
  ])
  if (/^(POST|PUT|PATCH)$/.test(method)) fields.set('content-length', 'Content-Length: 0')
  for (const [name, value] of Object.entries(headers)) fields.set(name.toLowerCase(), `${name}: ${value}`)
  fields.set('connection', 'Connection: close')
  return `${method} ${path} HTTP/1.1\r\n${[...fields.values()].join('\r\n')}\r\n\r\n`
}
