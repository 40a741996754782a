import type { HeaderEdits } from '../../config/model/model.ts'
import { flat } from '../../core/flat.ts'
import { nameBits, type HeaderBlock } from '../message/header-block.ts'
import { FieldNames, variableName } from './field-names.ts'
import { compilePlaceholders, type PlaceholderFacts } from './placeholders.ts'

type Template = (facts: PlaceholderFacts) => string

/**
 * Applies the edits of one route in one direction: `remove` and `set` take fields away, `set` and `add` append. A request has
 * exactly one Host (RFC 9112 §3.2): to add one is to set it, and it cannot be removed.
 */
export class CompiledEdits {
  /** The edits write Host, in place of the one that the request had. */
  readonly setsHost: boolean
  /** As CGI servers read them (`variableName`): nothing that comes later may bring these. */
  readonly names: ReadonlySet<string>
  readonly #drop: FieldNames
  /** Lines whose values hold no placeholder, ready to be appended. */
  readonly #constant: string
  readonly #constantBits: number
  readonly #templates: readonly { readonly name: string; readonly value: Template }[]

  constructor(edits: HeaderEdits) {
    const written = [...Object.keys(edits.set), ...Object.keys(edits.add)]
    this.setsHost = written.some(isHost)
    const dropped = [...Object.keys(edits.set), ...edits.remove.filter((name) => !isHost(name))]
    if (this.setsHost) dropped.push('host')
    this.#drop = new FieldNames(dropped.map((name) => name.toLowerCase()))
    this.names = new Set([...written, ...dropped].map((name) => variableName(name.toLowerCase())))
    let constant = ''
    const templates: { name: string; value: Template }[] = []
    for (const [name, value] of [...Object.entries(edits.set), ...Object.entries(edits.add)]) {
      const template = compilePlaceholders(value)
      if (template === undefined) constant += `${name}: ${value}\r\n`
      else templates.push({ name, value: template })
    }
    this.#constant = flat(constant)
    this.#constantBits = nameBits(constant)
    this.#templates = templates
  }

  /**
   * Edits a response's fields. In a request (`disguised`) also those go that CGI servers read as one that is set or
   * removed: a client that may not say `X-Remote-User` must not say `X_Remote_User` either.
   */
  apply(headers: HeaderBlock, facts: PlaceholderFacts, disguised = false): void {
    headers.drop(this.#drop, disguised)
    if (this.#constant !== '') headers.appendLines(this.#constant, this.#constantBits)
    for (let i = 0; i < this.#templates.length; i++) {
      const { name, value } = this.#templates[i]!
      headers.append(name, value(facts))
    }
  }
}

function isHost(name: string): boolean {
  return name.toLowerCase() === 'host'
}

/** Undefined when there is nothing to edit: an exchange then makes one comparison. */
export function compileEdits(edits: HeaderEdits): CompiledEdits | undefined {
  const some = Object.keys(edits.set).length + Object.keys(edits.add).length + edits.remove.length
  return some === 0 ? undefined : new CompiledEdits(edits)
}
