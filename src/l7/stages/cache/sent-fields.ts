import type { CompiledEdits } from '../../headers/header-edits.ts'
import { variableName } from '../../headers/field-names.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import type { HeaderBlock } from '../../message/header-block.ts'

/** Fields that go upstream unchanged unless the route's edits name them; most Vary fields name one of these. */
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

/** The parts of an exchange that are read here. */
interface Sending {
  readonly request: { readonly headers: HeaderBlock }
  readonly route: { readonly requestEdits: CompiledEdits | undefined } | undefined
  readonly outgoing: Outgoing
}

/**
 * The fields of a request as upstream gets them, with forwarding fields, Host and the route's edits. The head for
 * upstream is built only when a field needs it.
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
