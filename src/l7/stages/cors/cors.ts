import { isToken } from '../../../core/latin1.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { sendLocal } from '../../exchange/response/local-answer.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { FieldNames } from '../../headers/field-names.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { addVary } from '../compress/encoded-fields.ts'
import type { Stage } from '../stage.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'
import type { CorsKeys } from './keys.ts'
import { Origins } from './origins.ts'

const NO_BYTES = Buffer.alloc(0)
const ALLOW_ORIGIN = 'Access-Control-Allow-Origin'
const REQUEST_METHOD = 'access-control-request-method'
const REQUEST_HEADERS = 'access-control-request-headers'

/** Backends' own CORS fields are removed: browsers refuse duplicates. */
const theirs = new FieldNames([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age'
])

/**
 * Answers preflights, and sets the fields that let pages of other origins read a response
 * (https://fetch.spec.whatwg.org/#http-cors-protocol).
 */
class Cors implements Stage {
  readonly name = 'cors'
  readonly neededByErrors = true
  readonly #origins: Origins
  readonly #methods: ReadonlySet<string>
  readonly #headers: ReadonlySet<string>
  /** Undefined: the ones that the preflight asks for. */
  readonly #methodLine: string | undefined
  readonly #headerLine: string | undefined
  readonly #privateNetwork: boolean
  /** Lines of a preflight's answer and of any other, after the origin's line. */
  readonly #preflight: string
  readonly #actual: string

  constructor(keys: CorsKeys) {
    this.#origins = new Origins(keys.origins)
    this.#methods = new Set(keys.methods)
    this.#headers = new Set(keys.headers.map((name) => name.toLowerCase()))
    this.#privateNetwork = keys.privateNetwork
    const credentials = keys.credentials ? 'Access-Control-Allow-Credentials: true\r\n' : ''
    if (!this.#methods.has('*')) this.#methodLine = listLine('Methods', keys.methods)
    if (!this.#headers.has('*')) this.#headerLine = listLine('Headers', keys.headers)
    this.#preflight = `${credentials}Access-Control-Max-Age: ${Math.floor(keys.maxAge / 1000)}\r\n`
    const exposed =
      keys.exposed.length === 0 ? '' : `Access-Control-Expose-Headers: ${keys.exposed.join(', ')}\r\n`
    this.#actual = credentials + exposed
  }

  request(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.method !== 'OPTIONS') return GO_ON
    const { headers } = request
    const method = headers.get(REQUEST_METHOD)
    if (method === undefined || !headers.has('origin')) return GO_ON
    exchange.note(
      `preflight of ${headers.get('origin')} for ${method}: ${this.#permits(headers, method) ? 'allowed' : 'not allowed'}`
    )
    sendLocal(exchange, 204, '', NO_BYTES)
    return ANSWERED
  }

  response(exchange: Exchange, head: ResponseHead): void {
    const { headers: asked, method } = exchange.request
    const { headers } = head
    headers.drop(theirs)
    // Whatever the origin of this request: a cache must keep one response per origin.
    if (!this.#origins.any) addVary(headers, 'Origin')
    const wanted = method === 'OPTIONS' ? asked.get(REQUEST_METHOD) : undefined
    if (wanted !== undefined) this.#answerPreflight(asked, wanted, headers)
    else {
      // With `*` every response has it: without Vary, a cached one that was fetched for an image may serve a script too.
      const origin = this.#origins.any ? '*' : asked.get('origin')
      if (origin === undefined || !this.#origins.has(origin)) return
      headers.appendLines(`${ALLOW_ORIGIN}: ${origin}\r\n${this.#actual}`)
    }
  }

  #answerPreflight(asked: HeaderBlock, wanted: string, headers: HeaderBlock): void {
    addVary(headers, 'Access-Control-Request-Method')
    addVary(headers, 'Access-Control-Request-Headers')
    const origin = asked.get('origin')
    if (origin === undefined || !this.#permits(asked, wanted)) return
    const names = namesIn(asked.get(REQUEST_HEADERS))
    headers.appendLines(
      `${ALLOW_ORIGIN}: ${this.#origins.any ? '*' : origin}\r\n${this.#preflight}` +
        (this.#methodLine ?? listLine('Methods', [wanted])) +
        (this.#headerLine ?? listLine('Headers', names))
    )
    if (this.#privateNetwork && asked.get('access-control-request-private-network') === 'true') {
      headers.append('Access-Control-Allow-Private-Network', 'true')
    }
  }

  /** For preflights. `*` does not include Authorization (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name). */
  #permits(asked: HeaderBlock, method: string): boolean {
    if (!this.#origins.has(asked.get('origin') ?? '')) return false
    if (this.#methodLine === undefined ? !isToken(method) : !this.#methods.has(method)) return false
    const any = this.#headerLine === undefined
    return namesIn(asked.get(REQUEST_HEADERS)).every(
      (name) => this.#headers.has(name) || (any && name !== 'authorization' && isToken(name))
    )
  }
}

function listLine(what: 'Methods' | 'Headers', names: readonly string[]): string {
  return names.length === 0 ? '' : `Access-Control-Allow-${what}: ${names.join(', ')}\r\n`
}

/** In lower case, as browsers send them. */
function namesIn(list: string | undefined): string[] {
  if (list === undefined) return []
  const names = list.split(',').map((name) => name.trim().toLowerCase())
  return names.filter((name) => name !== '')
}

export function compile(keys: CorsKeys): Stage {
  return new Cors(keys)
}
