import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { namedWeight, prefersJson } from '../../headers/error-answer.ts'
import { statusTexts } from '../../message/status-texts.ts'
import { addVary } from '../compress/encoded-fields.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { WatchedFile } from '../watched-file.ts'
import { builtInPage, builtInPolicy } from './built-in-page.ts'
import { MAX_PAGE, type ErrorPagesKeys } from './keys.ts'
import { PageTemplate } from './page-template.ts'

const json = new PageTemplate(
  '{"error":{"status":{status},"message":"{reason}","requestId":"{requestId}"}}\n',
  'application/json'
)

/** Replaces errors with pages for people. */
class ErrorPages implements Stage {
  readonly name = 'error-pages'
  /** By status or class. */
  readonly #pages = new Map<string, { readonly current: PageTemplate }>()
  readonly #backends: boolean

  constructor(keys: ErrorPagesKeys, { clock, log }: EngineContext) {
    this.#backends = keys['backend'] === true
    for (const [status, page] of Object.entries(keys)) {
      if (typeof page === 'boolean') continue
      const { body = '', type, file } = page
      const current = new PageTemplate(body, type)
      const read = (text: string): PageTemplate => new PageTemplate(bounded(text), type)
      this.#pages.set(
        status,
        file === undefined ? { current } : new WatchedFile(file, 'the page', current, read, clock, log)
      )
    }
  }

  response(exchange: Exchange, head: ResponseHead): void {
    const { status, source } = head
    if (status < 400 || source === 'local' || (source !== 'error' && !this.#backends)) return
    const { headers } = exchange.request
    // Errors of gRPC are in other fields.
    if (headers.first('content-type')?.startsWith('application/grpc') === true) return
    const accept = headers.get('accept')
    addVary(head.headers, 'Accept')
    const page = prefersJson(accept) ? this.#json(head) : this.#page(status, accept)
    if (page === undefined) return
    const reason = statusTexts[status] ?? 'Error'
    const { requestId, host } = exchange
    head.replaceBody(page.fill({ status, reason, requestId, host }), page.type)
    if (page === builtInPage) head.policy = builtInPolicy
    if (head.policy !== undefined) head.headers.set('Content-Security-Policy', head.policy)
  }

  /** Errors of lb are JSON already; those of a backend may be. */
  #json(head: ResponseHead): PageTemplate | undefined {
    const own = head.source === 'error' || /json/i.test(head.headers.first('content-type') ?? '')
    return own ? undefined : json
  }

  #page(status: number, accept: string | undefined): PageTemplate | undefined {
    const named = this.#pages.get(String(status)) ?? this.#pages.get(`${Math.floor(status / 100)}xx`)
    if (named !== undefined) return named.current
    return namedWeight(accept, /^(?:text\/html|application\/xhtml\+xml)$/) > 0 ? builtInPage : undefined
  }
}

function bounded(text: string): string {
  if (text.length > MAX_PAGE) throw new Error('it is too large for a page; at most 256 kB')
  return text
}

export function compile(keys: ErrorPagesKeys, { engine }: StageContext): Stage {
  return new ErrorPages(keys, engine)
}
