import type { TlsFacts } from '../../net/tls/tls-facts.ts'

/** What placeholders in the values of a configuration stand for. */
export interface PlaceholderFacts {
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
const placeholders: ReadonlyMap<string, (facts: PlaceholderFacts) => string> = new Map<
  string,
  (facts: PlaceholderFacts) => string
>([
  ['clientIp', (facts) => facts.clientIp],
  ['client_ip', (facts) => facts.clientIp],
  ['requestId', (facts) => facts.requestId],
  ['request_id', (facts) => facts.requestId],
  ['host', (facts) => facts.host],
  ['scheme', (facts) => facts.scheme],
  ['identity', (facts) => safe(facts.identity?.name)],
  ['tls.version', ({ tls }) => tls?.version ?? ''],
  ['tls.serverName', ({ tls }) => safe(tls?.serverName)],
  ['tls.subject', ({ tls }) => safe(tls?.clientCertificate?.subject)],
  ['cert.subject', ({ tls }) => safe(tls?.clientCertificate?.subject)],
  ['cert.issuer', ({ tls }) => safe(tls?.clientCertificate?.issuer)],
  ['cert.serial', ({ tls }) => tls?.clientCertificate?.serial ?? ''],
  ['cert.fingerprint', ({ tls }) => tls?.clientCertificate?.fingerprint ?? '']
])

const PLACEHOLDER = new RegExp(`\\{(${[...placeholders.keys()].join('|').replaceAll('.', '\\.')})\\}`)

/** A text with placeholders; undefined for one without. `escape`: how values are escaped where the text is used. */
export function compilePlaceholders(
  text: string,
  escape: (value: string) => string = (value) => value
): ((facts: PlaceholderFacts) => string) | undefined {
  // Every second part is the name of a placeholder.
  const parts = text.split(PLACEHOLDER)
  if (parts.length === 1) return undefined
  const values = parts.map((part, at) => (at % 2 === 1 ? placeholders.get(part)! : undefined))
  return (facts) => {
    let filled = ''
    for (let at = 0; at < parts.length; at++) {
      const value = values[at]
      filled += value === undefined ? parts[at]! : escape(value(facts))
    }
    return filled
  }
}

/** Names and subjects come from outside: characters that would end a field, or that latin1 lacks, are replaced. */
function safe(text: string | undefined): string {
  return text === undefined ? '' : text.replace(/[^\t\x20-\x7e\xa0-\xff]/gu, '?')
}
