import type { HeaderEdits } from '../../config/model/model.ts'
import type { TlsFacts } from '../../net/tls/tls-facts.ts'
import type { HeaderBlock } from '../message/header-block.ts'
import { FieldNames } from './field-names.ts'
import { variableName } from './variable-name.ts'

/** What the placeholders in the values of `headers` edits stand for. */
export interface EditFacts {
  readonly clientIp: string
  readonly requestId: string
  /** As received. */
  readonly host: string
  readonly scheme: 'http' | 'https'
  /** The authenticated client. */
  readonly identity: { readonly name: string } | undefined
  readonly tls: TlsFacts | undefined
}

/** Those with an underscore are the older spelling. */
const placeholders = {
  clientIp: (facts) => facts.clientIp,
  client_ip: (facts) => facts.clientIp,
  requestId: (facts) => facts.requestId,
  request_id: (facts) => facts.requestId,
  host: (facts) => facts.host,
  scheme: (facts) => facts.scheme,
  identity: (facts) => safe(facts.identity?.name),
  'tls.version': ({ tls }) => tls?.version ?? '',
  'tls.serverName': ({ tls }) => safe(tls?.serverName),
  'tls.subject': ({ tls }) => safe(tls?.clientCertificate?.subject),
  'cert.subject': ({ tls }) => safe(tls?.clientCertificate?.subject),
  'cert.issuer': ({ tls }) => safe(tls?.clientCertificate?.issuer),
  'cert.serial': ({ tls }) => tls?.clientCertificate?.serial ?? '',
  'cert.fingerprint': ({ tls }) => tls?.clientCertificate?.fingerprint ?? ''
} satisfies Record<string, (facts: EditFacts) => string>

type Placeholder = keyof typeof placeholders

/** Names and subjects are somebody else's words: nothing in them ends a field, and heads are latin1. */
function safe(text: string | undefined): string {
  return text === undefined ? '' : text.replace(/[^\t\x20-\x7e\xa0-\xff]/gu, '?')
}

/**
 * Applies the edits of one route in one direction: `remove` and `set` take fields away, `set` and `add` append. Of Host a
 * request has exactly one (RFC 9112 §3.2): to add one is to set it, and it cannot be removed.
 */
export class CompiledEdits {
  /** The edits write a Host of their own: nobody else may. */
  readonly setsHost: boolean
  /** As CGI servers read them (variable-name.ts): nothing that comes later may bring these. */
  readonly names: ReadonlySet<string>
  readonly #drop: FieldNames
  /** Lines whose values hold no placeholder, ready to be appended. */
  readonly #constant: string
  readonly #templates: readonly { readonly name: string; readonly parts: readonly string[] }[]

  constructor(edits: HeaderEdits) {
    const written = [...Object.keys(edits.set), ...Object.keys(edits.add)]
    this.setsHost = written.some(isHost)
    const dropped = [...Object.keys(edits.set), ...edits.remove.filter((name) => !isHost(name))]
    if (this.setsHost) dropped.push('host')
    this.#drop = new FieldNames(dropped.map((name) => name.toLowerCase()))
    this.names = new Set([...written, ...dropped].map((name) => variableName(name.toLowerCase())))
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
   * Edits a response's fields. In a request (`disguised`) also those go that CGI servers read as one that is set or
   * removed: a client that may not say `X-Remote-User` must not say `X_Remote_User` either.
   */
  apply(headers: HeaderBlock, facts: EditFacts, disguised = false): void {
    let text = this.#drop.without(headers.text, disguised) + this.#constant
    for (let i = 0; i < this.#templates.length; i++) {
      const { name, parts } = this.#templates[i]!
      let value = parts[0]!
      for (let p = 1; p < parts.length; p += 2)
        // eslint-disable-next-line lb/no-text-index -- the template was checked when it was compiled
        value += placeholders[parts[p] as Placeholder](facts) + parts[p + 1]!
      text += `${name}: ${value}\r\n`
    }
    headers.text = text
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

const PLACEHOLDER = new RegExp(`\\{(${Object.keys(placeholders).join('|').replaceAll('.', '\\.')})\\}`)
