import type { ClientCertificate } from '../../net/tls/tls-facts.ts'

/**
 * `match.clientCert`: patterns of which one must fit the client's certificate. Each is compared with the whole subject, with
 * `CN=` and the common name, with each name as `DNS:…`, `URI:…`, `email:…` or `IP:…`, and with `sha256:` and the fingerprint;
 * `*` stands for any characters.
 */
export class ClientCertMatch {
  readonly #patterns: readonly RegExp[]
  /** For subjects and common names. */
  readonly #escaping: readonly RegExp[]

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map((pattern) => compilePattern(pattern, '[^]*'))
    // A comma within a value is escaped: to `*,O=Example` the name `CN=x\\,O=Example` has no O.
    this.#escaping = patterns.map((pattern) => compilePattern(pattern, '(?:[^\\\\]|\\\\[^])*'))
  }

  holds(certificate: ClientCertificate | undefined): boolean {
    if (certificate === undefined) return false
    const { subject, commonName, subjectAltNames, fingerprint } = certificate
    const escaped = commonName === undefined ? [subject] : [subject, `CN=${commonName}`]
    const texts = [...subjectAltNames, `sha256:${fingerprint}`]
    return (
      this.#escaping.some((pattern) => escaped.some((text) => pattern.test(text))) ||
      this.#patterns.some((pattern) => texts.some((text) => pattern.test(text)))
    )
  }
}

function compilePattern(text: string, star: string): RegExp {
  // As openssl and browsers show it.
  const print = /^sha256:(.*)$/i.exec(text)?.[1]
  const plain = print === undefined ? text : `sha256:${print.replaceAll(':', '').toLowerCase()}`
  const parts = plain.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join(star)}$`)
}
