import { STATUS_CODES } from 'node:http'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { prefersJson } from '../../headers/error-answer.ts'
import { addVary } from '../compress/encoded-fields.ts'
import type { Stage } from '../stage.ts'
import { builtInPage, builtInPolicy } from './built-in-page.ts'
import type { ErrorPagesKeys } from './keys.ts'
import { PageTemplate } from './page-template.ts'

const json = new PageTemplate(
  '{"error":{"status":{status},"message":"{reason}","requestId":"{requestId}"}}\n',
  'application/json'
)

/** Puts pages for people in place of errors. */
class ErrorPages implements Stage {
  readonly name = 'error-pages'
  /** By status or class. */
  readonly #pages = new Map<string, PageTemplate>()
  readonly #backends: boolean

  constructor(keys: ErrorPagesKeys) {
    this.#backends = keys['backend'] === true
    for (const [status, page] of Object.entries(keys)) {
      if (typeof page !== 'boolean') this.#pages.set(status, new PageTemplate(page.body, page.type))
    }
  }

  response(exchange: Exchange, head: ResponseHead): void {
    const { status, source } = head
    if (status < 400 || source === 'local' || (source !== 'error' && !this.#backends)) return
    const { headers } = exchange.request
    // Errors of RPCs stand in other fields.
    if (headers.first('content-type')?.startsWith('application/grpc') === true) return
    const accept = headers.get('accept')
    addVary(head.headers, 'Accept')
    const page = prefersJson(accept) ? this.#json(head) : this.#page(status, accept)
    if (page === undefined) return
    const reason = STATUS_CODES[status] ?? 'Error'
    const { requestId, host } = exchange
    head.replaceBody(page.fill({ status, reason, requestId, host }), page.type)
    if (page === builtInPage) head.policy = builtInPolicy
    if (head.policy !== undefined) head.headers.set('Content-Security-Policy', head.policy)
  }

  /** An error of lb is JSON already; so may a backend's be. */
  #json(head: ResponseHead): PageTemplate | undefined {
    const own = head.source === 'error' || /json/i.test(head.headers.first('content-type') ?? '')
    return own ? undefined : json
  }

  #page(status: number, accept: string | undefined): PageTemplate | undefined {
    const named = this.#pages.get(String(status)) ?? this.#pages.get(`${Math.floor(status / 100)}xx`)
    if (named !== undefined) return named
    return accept !== undefined && /text\/html|application\/xhtml/i.test(accept) ? builtInPage : undefined
  }
}

export function compile(keys: ErrorPagesKeys): Stage {
  return new ErrorPages(keys)
}
