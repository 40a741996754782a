import type { ClientCertificate } from '../../net/tls/tls-facts.ts'

/**
 * `match.clientCert`: patterns of which one must fit the client's certificate. Each is compared with the whole subject, with
 * `CN=` and the common name, with each name as `DNS:…`, `URI:…`, `email:…` or `IP:…`, and with `sha256:` and the fingerprint;
 * `*` stands for any characters.
 */
export class ClientCertMatch {
  readonly #patterns: readonly RegExp[]

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(compilePattern)
  }

  holds(certificate: ClientCertificate | undefined): boolean {
    if (certificate === undefined) return false
    const { subject, commonName, subjectAltNames, fingerprint } = certificate
    const texts = [subject, `CN=${commonName ?? ''}`, ...subjectAltNames, `sha256:${fingerprint}`]
    return this.#patterns.some((pattern) => texts.some((text) => pattern.test(text)))
  }
}

function compilePattern(text: string): RegExp {
  // As openssl and browsers show it.
  const print = /^sha256:(.*)$/i.exec(text)?.[1]
  const plain = print === undefined ? text : `sha256:${print.replaceAll(':', '').toLowerCase()}`
  const parts = plain.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`)
}
