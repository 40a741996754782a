import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const IV = 12
const TAG = 16

/**
 * Encrypts and authenticates values that a browser stores for lb (AES-256-GCM), each for one purpose, so that an
 * encrypted login cannot be used as a session, nor that of one host on another. All threads and instances with the same secret can open each other's
 * values.
 */
export class Seal {
  readonly #key: Buffer

  constructor(secret: string, issuer: string, clientId: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, 'lb oidc session 1', `${issuer}\n${clientId}`, 32))
  }

  close(purpose: string, value: object): string {
    const iv = randomBytes(IV)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(purpose))
    const sealed = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** Undefined for anything that was not sealed here, for this purpose. */
  open<Value>(purpose: string, text: string): Value | undefined {
    const bytes = Buffer.from(text, 'base64url')
    if (bytes.length <= IV + TAG) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV), { authTagLength: TAG })
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(IV, IV + TAG))
    try {
      const opened = Buffer.concat([decipher.update(bytes.subarray(IV + TAG)), decipher.final()])
      return JSON.parse(opened.toString('utf8')) as Value
    } catch {
      return undefined
    }
  }
}
