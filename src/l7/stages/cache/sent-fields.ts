import type { CompiledEdits } from '../../headers/header-edits.ts'
import { variableName } from '../../headers/variable-name.ts'
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

/**
 * A request's fields as upstream gets them: forwarding fields, Host and the route's edits included. The head is made only
 * for a field of which it cannot be told without.
 */
export class SentFields {
  readonly #received: HeaderBlock
  readonly #edits: CompiledEdits | undefined
  readonly #outgoing: () => Outgoing

  constructor(received: HeaderBlock, edits: CompiledEdits | undefined, outgoing: () => Outgoing) {
    this.#received = received
    this.#edits = edits
    this.#outgoing = outgoing
  }

  /** `name` in lower case. */
  get(name: string): string | undefined {
    if (asReceived.has(name) && this.#edits?.names.has(variableName(name)) !== true)
      return this.#received.get(name)
    const { authority, headers, acceptsTrailers } = this.#outgoing()
    if (name === 'host') return authority
    if (name === 'te') return acceptsTrailers ? 'trailers' : undefined
    return headers.get(name)
  }
}
