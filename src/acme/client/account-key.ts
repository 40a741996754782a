import { createHash, generateKeyPairSync, createPrivateKey, type KeyObject } from 'node:crypto'
import { FlattenedSign } from 'jose'

/** Parts of a JSON Web Key (RFC 7517) on the curve P-256. */
export interface PublicJwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y: string
}

/** The key of an account at an authority. */
export class AccountKey {
  readonly #key: KeyObject
  readonly jwk: PublicJwk

  constructor(pem: string) {
    this.#key = createPrivateKey(pem)
    const { kty, crv, x, y } = this.#key.export({ format: 'jwk' })
    this.jwk = { kty: kty!, crv: crv!, x: x!, y: y! }
  }

  static make(): string {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  }

  /** RFC 7638: the end of a key authorization. Members are sorted by name. */
  get thumbprint(): string {
    const { crv, kty, x, y } = this.jwk
    return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  }

  /** A JWS (RFC 7515) in the form that ACME requires; `payload` undefined: POST-as-GET. */
  sign(payload: unknown, header: JwsHeader): Promise<object> {
    const signer = header.kid === undefined ? { jwk: this.jwk } : { kid: header.kid }
    return new FlattenedSign(bytes(payload))
      .setProtectedHeader({ alg: 'ES256', nonce: header.nonce, url: header.url, ...signer })
      .sign(this.#key)
  }

  /** Binds this key to an external account (RFC 8555 §7.3.4). */
  bind(eab: { readonly kid: string; readonly key: string }, url: string): Promise<object> {
    return new FlattenedSign(bytes(this.jwk))
      .setProtectedHeader({ alg: 'HS256', kid: eab.kid, url })
      .sign(Buffer.from(eab.key, 'base64url'))
  }
}

export interface JwsHeader {
  readonly nonce: string
  readonly url: string
  /** URL of the account; absent: the key itself is sent. */
  readonly kid: string | undefined
}

function bytes(payload: unknown): Uint8Array {
  return Buffer.from(payload === undefined ? '' : JSON.stringify(payload))
}
