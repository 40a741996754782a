import type { HeaderEdits } from '../../config/model/model.ts'
import type { HeaderBlock } from '../message/header-block.ts'
import { variableName } from './variable-name.ts'

/** What the placeholders in the values of `headers` edits stand for. */
export interface EditFacts {
  readonly clientIp: string
  readonly requestId: string
  /** As received. */
  readonly host: string
  readonly scheme: 'http' | 'https'
}

type Placeholder = 'client_ip' | 'request_id' | 'host' | 'scheme'

/**
 * Applies the edits of one route in one direction: `remove` and `set` take fields away, `set` and `add` append. Of Host a
 * request has exactly one (RFC 9112 §3.2): to add one is to set it, and it cannot be removed.
 */
export class CompiledEdits {
  /** The edits write a Host of their own: nobody else may. */
  readonly setsHost: boolean
  /** As CGI servers read them (variable-name.ts): nothing that comes later may bring these. */
  readonly names: ReadonlySet<string>
  readonly #disguised: ReadonlySet<string>
  readonly #drop: readonly string[]
  /** Lines whose values hold no placeholder, ready to be appended. */
  readonly #constant: string
  readonly #templates: readonly { readonly name: string; readonly parts: readonly string[] }[]

  constructor(edits: HeaderEdits) {
    const written = [...Object.keys(edits.set), ...Object.keys(edits.add)]
    this.setsHost = written.some(isHost)
    const dropped = [...Object.keys(edits.set), ...edits.remove.filter((name) => !isHost(name))]
    if (this.setsHost) dropped.push('host')
    this.#drop = dropped.map((name) => name.toLowerCase())
    this.names = new Set([...written, ...dropped].map((name) => variableName(name.toLowerCase())))
    this.#disguised = new Set(this.#drop.map(variableName).filter((name) => name.includes('-')))
    let constant = ''
    const templates: { name: string; parts: string[] }[] = []
    for (const [name, value] of [...Object.entries(edits.set), ...Object.entries(edits.add)]) {
      const parts = value.split(PLACEHOLDER)
      if (parts.length === 1) constant += `${name}: ${value}\r\n`
      else templates.push({ name, parts })
    }
    this.#constant = constant
    this.#templates = templates
  }

  /**
   * Removes the fields that CGI servers read as one that is set or removed here: a client that may not say
   * `X-Remote-User` must not say `X_Remote_User` either.
   */
  dropDisguised(headers: HeaderBlock): void {
    if (this.#disguised.size === 0) return
    const names: string[] = []
    headers.forEach((name) => {
      const lower = name.toLowerCase()
      const read = variableName(lower)
      if (read !== lower && this.#disguised.has(read)) names.push(lower)
    })
    for (const name of names) headers.remove(name)
  }

  apply(headers: HeaderBlock, facts: EditFacts): void {
    for (let i = 0; i < this.#drop.length; i++) headers.remove(this.#drop[i]!)
    if (this.#constant !== '') headers.text += this.#constant
    for (let i = 0; i < this.#templates.length; i++) {
      const { name, parts } = this.#templates[i]!
      let value = parts[0]!
      for (let p = 1; p < parts.length; p += 2) value += fact(parts[p] as Placeholder, facts) + parts[p + 1]!
      headers.text += `${name}: ${value}\r\n`
    }
  }
}

function isHost(name: string): boolean {
  return name.toLowerCase() === 'host'
}

/** Undefined when there is nothing to edit, so that an exchange pays one comparison. */
export function compileEdits(edits: HeaderEdits): CompiledEdits | undefined {
  const some = Object.keys(edits.set).length + Object.keys(edits.add).length + edits.remove.length
  return some === 0 ? undefined : new CompiledEdits(edits)
}

const PLACEHOLDER = /\{(client_ip|request_id|host|scheme)\}/

function fact(name: Placeholder, facts: EditFacts): string {
  switch (name) {
    case 'client_ip':
      return facts.clientIp
    case 'request_id':
      return facts.requestId
    case 'host':
      return facts.host
    case 'scheme':
      return facts.scheme
  }
}
