import type { CompiledEdits } from '../../headers/header-edits.ts'
import { variableName } from '../../headers/field-names.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import type { HeaderBlock } from '../../message/header-block.ts'

/** Fields that go upstream as the client sent them unless the route's edits name them: what answers mostly vary by. */
const asReceived = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'authorization',
  'cookie',
  'origin',
  'referer',
  'user-agent'
])

/** What of an exchange is looked at, and when: an exchange makes its head once. */
interface Sending {
  readonly request: { readonly headers: HeaderBlock }
  readonly route: { readonly requestEdits: CompiledEdits | undefined } | undefined
  readonly outgoing: Outgoing
}

/**
 * A request's fields as upstream gets them: forwarding fields, Host and the route's edits included. The head is made only
 * for a field of which it cannot be told without.
 */
export class SentFields {
  readonly #exchange: Sending

  constructor(exchange: Sending) {
    this.#exchange = exchange
  }

  /** `name` in lower case. */
  get(name: string): string | undefined {
    const { request, route } = this.#exchange
    if (asReceived.has(name) && route?.requestEdits?.names.has(variableName(name)) !== true)
      return request.headers.get(name)
    const { authority, headers, acceptsTrailers } = this.#exchange.outgoing
    if (name === 'host') return authority
    if (name === 'te') return acceptsTrailers ? 'trailers' : undefined
    return headers.get(name)
  }
}
