import type { CompiledEdits } from '../../headers/header-edits.ts'
import { variableName } from '../../headers/variable-name.ts'
import { HeaderBlock } from '../../message/header-block.ts'

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
  readonly #head: () => string
  #sent: HeaderBlock | undefined

  constructor(received: HeaderBlock, edits: CompiledEdits | undefined, head: () => string) {
    this.#received = received
    this.#edits = edits
    this.#head = head
  }

  /** `name` in lower case. */
  get(name: string): string | undefined {
    if (asReceived.has(name) && this.#edits?.names.has(variableName(name)) !== true)
      return this.#received.get(name)
    return (this.#sent ??= fieldsOf(this.#head())).get(name)
  }
}

/** Of a head in HTTP/1.1's form: without its first and its last, empty line. */
function fieldsOf(head: string): HeaderBlock {
  return new HeaderBlock(head.slice(head.indexOf('\n') + 1, -2))
}
