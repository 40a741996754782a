import type { Exchange } from '../../exchange/exchange.ts'
import { sendLocal } from '../../exchange/response/local-answer.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { FieldNames } from '../../headers/field-names.ts'
import { addVary } from '../compress/encoded-fields.ts'
import type { Stage } from '../stage.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'
import type { CorsKeys } from './keys.ts'
import { Origins } from './origins.ts'

const NO_BYTES = Buffer.alloc(0)

/** What backends say of it is not believed: one word on it is enough, and two are an error to browsers. */
const theirs = new FieldNames([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age'
])

/** Answers preflights, and says which pages may read an answer (https://fetch.spec.whatwg.org/#http-cors-protocol). */
class Cors implements Stage {
  readonly name = 'cors'
  readonly #origins: Origins
  readonly #methods: ReadonlySet<string>
  readonly #headers: ReadonlySet<string>
  readonly #privateNetwork: boolean
  /** Lines of a preflight's answer, and of any other, behind the origin's. */
  readonly #preflight: string
  readonly #actual: string

  constructor(keys: CorsKeys) {
    this.#origins = new Origins(keys.origins)
    this.#methods = new Set(keys.methods)
    this.#headers = new Set(keys.headers.map((name) => name.toLowerCase()))
    this.#privateNetwork = keys.privateNetwork
    const credentials = keys.credentials ? 'Access-Control-Allow-Credentials: true\r\n' : ''
    const headers =
      keys.headers.length === 0 ? '' : `Access-Control-Allow-Headers: ${keys.headers.join(', ')}\r\n`
    this.#preflight =
      `${credentials}Access-Control-Allow-Methods: ${keys.methods.join(', ')}\r\n${headers}` +
      `Access-Control-Max-Age: ${Math.floor(keys.maxAge / 1000)}\r\n`
    const exposed =
      keys.exposed.length === 0 ? '' : `Access-Control-Expose-Headers: ${keys.exposed.join(', ')}\r\n`
    this.#actual = credentials + exposed
  }

  request(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.method !== 'OPTIONS') return GO_ON
    const { headers } = request
    const method = headers.first('access-control-request-method')
    if (method === undefined || !headers.has('origin')) return GO_ON
    exchange.note(
      `preflight of ${headers.first('origin')} for ${method}: ${this.#permits(headers, method) ? 'allowed' : 'not allowed'}`
    )
    sendLocal(exchange, 204, '', NO_BYTES)
    return ANSWERED
  }

  response(exchange: Exchange, head: ResponseHead): void {
    const { headers: asked, method } = exchange.request
    const { headers } = head
    headers.drop(theirs)
    // Whatever the origin of this request: a cache on the way keeps one answer per origin.
    if (!this.#origins.any) addVary(headers, 'Origin')
    const origin = asked.first('origin')
    const wanted = method === 'OPTIONS' ? asked.first('access-control-request-method') : undefined
    if (wanted !== undefined) addVary(headers, 'Access-Control-Request-Method')
    if (wanted !== undefined) addVary(headers, 'Access-Control-Request-Headers')
    if (origin === undefined || !this.#origins.has(origin)) return
    if (wanted !== undefined && !this.#permits(asked, wanted)) return
    headers.appendLines(
      `Access-Control-Allow-Origin: ${this.#origins.any ? '*' : origin}\r\n` +
        (wanted === undefined ? this.#actual : this.#preflight)
    )
    if (wanted !== undefined && this.#privateNetwork && asked.has('access-control-request-private-network')) {
      headers.append('Access-Control-Allow-Private-Network', 'true')
    }
  }

  /** Of a preflight. */
  #permits(asked: Exchange['request']['headers'], method: string): boolean {
    if (!this.#origins.has(asked.first('origin') ?? '') || !this.#methods.has(method)) return false
    const names = asked.get('access-control-request-headers')
    if (names === undefined) return true
    return names
      .split(',')
      .every((name) => name.trim() === '' || this.#headers.has(name.trim().toLowerCase()))
  }
}

export function compile(keys: CorsKeys): Stage {
  return new Cors(keys)
}
