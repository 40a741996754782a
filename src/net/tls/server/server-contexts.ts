import { isIP } from 'node:net'
import { createHash, X509Certificate } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import type { CertificatePair, ListenerTlsMaterial } from '../listener-tls.ts'
import { altNames } from '../certificates/alt-names.ts'
import { Bundle } from './bundle.ts'
import { serverContext } from './server-context.ts'
import { ServerNames } from '../server-names.ts'
import type { PurposeKeys, TicketKeys } from '../ticket-keys.ts'

interface Parsed {
  readonly pair: CertificatePair
  readonly names: readonly string[]
  readonly keyType: string
}

/** Chooses the certificate for each client of a listener. */
export class ServerContexts {
  /** The first certificate: for clients that name no server, or an unknown one. */
  readonly #first: Bundle
  /** Sessions of another listener, or with other client authorities, are not resumed here. */
  readonly sessionIdContext: string
  readonly ticketKeys: PurposeKeys
  readonly #names: ServerNames<Bundle>
  /** Some certificates are for addresses. */
  readonly #addresses: boolean
  /** A context without a certificate: OpenSSL ends the handshake with the right alert. */
  readonly none: Bundle
  readonly #make: (pairs: readonly CertificatePair[]) => SecureContext
  /** The choice depends on the requested name. */
  readonly several: boolean

  /** Throws OpenSSL's error about the first certificate or its key. */
  constructor(material: ListenerTlsMaterial, ticketKeys: TicketKeys, listener: string) {
    const { clientAuth } = material
    const purpose = JSON.stringify([listener, clientAuth?.required, clientAuth?.ca, clientAuth?.crl])
    this.sessionIdContext = createHash('sha256').update(purpose).digest('hex').slice(0, 32)
    this.ticketKeys = ticketKeys.for(purpose, clientAuth?.resumesUntil)
    const make = (this.#make = (pairs: readonly CertificatePair[]): SecureContext => {
      const context = serverContext(pairs, material, this.sessionIdContext)
      this.ticketKeys.use(context)
      return context
    })
    this.none = new Bundle([], make)
    const parsed = material.certificates.map(parse)
    const bundles = new Map<string, Bundle>()
    const bundleOf = (name: string | undefined, from: Parsed): Bundle => {
      const together = name === undefined ? [from] : sideBySide(parsed, name)
      const key = together.map((each) => parsed.indexOf(each)).join(' ')
      let bundle = bundles.get(key)
      if (bundle === undefined) {
        bundle = new Bundle(together, make, material.ciphers === undefined)
        bundles.set(key, bundle)
      }
      return bundle
    }
    const { acme } = material
    this.#names = new ServerNames(
      [
        ...parsed.flatMap((each) => each.names.map((name) => [name, bundleOf(name, each)] as const)),
        ...(acme?.pending ?? []).map((name) => [plainAddress(name), this.none] as const)
      ],
      true
    )
    const all = [...parsed.flatMap(({ names }) => names), ...(acme?.pending ?? [])]
    this.#addresses = all.some((name) => isIP(name) !== 0)
    const [one] = parsed
    if (one === undefined && acme === undefined) throw new Error('no certificate')
    this.#first = one === undefined ? this.none : bundleOf(one.names[0], one)
    // Creates the context now, so that errors are thrown here.
    void this.#first.context
    this.several =
      bundles.size > 1 ||
      acme !== undefined ||
      [...bundles.values()].some(({ choosesStaple }) => choosesStaple)
  }

  /**
   * `name` in lower case. Without one the client may have asked for an address, which SNI does not carry (RFC 6066 §3): a
   * certificate for `local`, the address that it has connected to, is its own.
   */
  choose(name: string | undefined, local?: () => string | undefined): Bundle {
    if (name === undefined && this.#addresses && local !== undefined) {
      const address = local()
      if (address !== undefined) return this.#names.find(plainAddress(address)) ?? this.#first
    }
    return this.find(name) ?? this.#first
  }

  /** Undefined: no certificate has this name, and none is expected. */
  find(name: string | undefined): Bundle | undefined {
    return name === undefined ? undefined : this.#names.find(name)
  }

  /** The certificate for a tls-alpn-01 validation. */
  forChallenge(pair: CertificatePair): Bundle {
    return new Bundle([{ pair, keyType: '' }], this.#make)
  }
}

/** An address in one form: `::1` for `0:0:0:0:0:0:0:1`, `10.0.0.1` for `::ffff:10.0.0.1`; names as they are. */
function plainAddress(text: string): string {
  if (isIP(text) !== 6) return text
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1]
  if (mapped !== undefined) return mapped
  // A zone (`%eth0`) has no place in a URL, nor in a certificate.
  return new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
}

/** The first certificate of each key type with this name. */
function sideBySide(all: readonly Parsed[], name: string): Parsed[] {
  const found = new Map<string, Parsed>()
  for (const each of all)
    if (each.names.includes(name) && !found.has(each.keyType)) found.set(each.keyType, each)
  return [...found.values()]
}

function parse(pair: CertificatePair): Parsed {
  const certificate = new X509Certificate(pair.cert)
  return {
    pair,
    // RFC 9525 §6.1: only names of the subjectAltName count, not the common name.
    names: altNames(certificate.subjectAltName ?? '').flatMap((name) =>
      name.startsWith('DNS:')
        ? [name.slice(4).toLowerCase()]
        : name.startsWith('IP:')
          ? [plainAddress(name.slice(3))]
          : []
    ),
    keyType: certificate.publicKey.asymmetricKeyType ?? ''
  }
}
