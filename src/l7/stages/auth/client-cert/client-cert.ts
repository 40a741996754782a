import { comparableName } from '../../../../net/tls/read-facts.ts'
import type { ClientCertificate } from '../../../../net/tls/tls-facts.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import type { Answer, AuthMethod, Denied, Proven } from '../auth-method.ts'
import type { MethodContext } from '../method-context.ts'
import type { ClientCertInput } from './keys.ts'

const UNKNOWN: Denied = { kind: 'denied', reason: 'no rule for this client certificate', unknown: true }

/**
 * The client's certificate, whose key the client proved to have in the handshake; the listener has verified its chain.
 */
export class ClientCert implements AuthMethod {
  readonly name = 'clientCert'
  readonly #subjects: ReadonlyMap<string, readonly string[]>
  readonly #names: ReadonlyMap<string, readonly string[]>
  readonly #fingerprints: ReadonlyMap<string, readonly string[]>
  readonly #any: readonly string[] | undefined
  readonly #called: ClientCertInput['identity']
  readonly #realm: string
  /** By the certificate of a connection. */
  readonly #known = new WeakMap<ClientCertificate, Proven | Denied>()

  constructor(input: ClientCertInput, { realm }: MethodContext) {
    this.#subjects = new Map(
      Object.entries(input.subjects).map(([key, roles]) => [comparableName(key), roles])
    )
    this.#names = new Map(Object.entries(input.names))
    this.#fingerprints = new Map(
      Object.entries(input.fingerprints).map(([key, roles]) => [key.replaceAll(':', '').toLowerCase(), roles])
    )
    this.#any = input.any
    this.#called = input.identity
    this.#realm = realm
  }

  check(exchange: Exchange): Answer | undefined {
    const certificate = exchange.tls?.clientCertificate
    if (certificate === undefined) return undefined
    const known = this.#known.get(certificate)
    if (known !== undefined && (known.kind === 'denied' || certificate.notAfter > Date.now())) return known
    const answer = this.#decide(certificate)
    this.#known.set(certificate, answer)
    return answer
  }

  #decide(certificate: ClientCertificate): Proven | Denied {
    // A connection may outlive the certificate it was opened with.
    if (certificate.notAfter <= Date.now())
      return { kind: 'denied', reason: 'the client certificate has expired' }
    const roles = this.#rolesOf(certificate)
    if (roles === undefined) return UNKNOWN
    const identity = { name: this.#nameOf(certificate), roles, by: 'clientCert' }
    return { kind: 'proven', identity, beyondGuessing: true, lastClient: '' }
  }

  /** The roles of all rules that match. */
  #rolesOf({ subject, commonName, subjectAltNames, fingerprint }: ClientCertificate): string[] | undefined {
    const rules = [
      this.#fingerprints.get(fingerprint),
      this.#subjects.get(comparableName(subject)),
      // A subject cannot fake a common name: a comma within one is escaped (RFC 4514 §2.4).
      commonName === undefined || subject === `CN=${commonName}` ? undefined : this.#byCommonName(commonName),
      ...subjectAltNames.map((name) => this.#names.get(name))
    ].filter((each) => each !== undefined)
    if (rules.length === 0) return this.#any === undefined ? undefined : [...this.#any]
    return [...new Set(rules.flat())]
  }

  #byCommonName(commonName: string): readonly string[] | undefined {
    return /[,+"\\<>;=]/.test(commonName) ? undefined : this.#subjects.get(comparableName(`CN=${commonName}`))
  }

  #nameOf({ subject, commonName, subjectAltNames, fingerprint }: ClientCertificate): string {
    switch (this.#called) {
      case 'common-name':
        return commonName ?? subject
      case 'subject':
        return subject
      case 'name':
        return subjectAltNames[0] ?? subject
      case 'fingerprint':
        return fingerprint
    }
  }

  challenge(): string {
    return `ClientCertificate realm="${this.#realm}"`
  }

  strip(): void {
    // The credential is not in the request.
  }
}
