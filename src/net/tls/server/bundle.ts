import type { SecureContext } from 'node:tls'
import type { ClientHello } from '../client-hello.ts'
import type { CertificatePair } from '../listener-tls.ts'
import { shownKey } from './shown-key.ts'

export interface BundledPair {
  readonly pair: CertificatePair
  /** Name of the key type in node:crypto: `ec`, `rsa` … */
  readonly keyType: string
}

/** Certificates for the same name: RSA and ECDSA side by side. The context is created on first use. */
export class Bundle {
  readonly pairs: readonly CertificatePair[]
  readonly #make: (pairs: readonly CertificatePair[]) => SecureContext
  /** By the type of the key. */
  readonly #staples: ReadonlyMap<string, Buffer>
  readonly #ourCiphers: boolean
  #context: SecureContext | undefined

  /** `ourCiphers`: the default ciphers, whose order prefers ECDSA. */
  constructor(
    bundled: readonly BundledPair[],
    make: (pairs: readonly CertificatePair[]) => SecureContext,
    ourCiphers = true
  ) {
    this.pairs = bundled.map(({ pair }) => pair)
    this.#make = make
    this.#ourCiphers = ourCiphers
    this.#staples = new Map(
      bundled.flatMap(({ pair: { staple }, keyType }) =>
        staple === undefined ? [] : [[keyType, Buffer.from(staple, 'base64')]]
      )
    )
  }

  get context(): SecureContext {
    return (this.#context ??= this.#make(this.pairs))
  }

  /** Whether the staple depends on the ClientHello. */
  get choosesStaple(): boolean {
    return this.#staples.size > 0 && this.pairs.length > 1
  }

  /** The OCSP response for the certificate that OpenSSL will choose; undefined where that is not certain. */
  stapleFor(hello: ClientHello | undefined): Buffer | undefined {
    if (this.#staples.size === 0) return undefined
    if (this.pairs.length === 1) return this.#staples.values().next().value
    if (hello?.wantsStaple !== true) return undefined
    const kind = shownKey(hello, this.#ourCiphers)
    return kind === undefined ? undefined : this.#staples.get(kind)
  }
}
