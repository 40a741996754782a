import type { ClientHello } from '../client-hello.ts'

const TLS_1_3 = 0x0304
/** ecdsa_secp256r1_sha256 and ecdsa_secp384r1_sha384 (RFC 8446 §4.2.3); other curves are not predicted. */
const ECDSA = [0x0403, 0x0503]
/** ECDSA with SHA-1 or P-521, and Brainpool's (RFC 8734). */
const OTHER_ECDSA = new Set([0x0203, 0x0303, 0x0603, 0x081a, 0x081b, 0x081c])
/** ECDHE-ECDSA with GCM and ChaCha20. */
const ECDSA_CIPHERS = new Set([0xc02b, 0xc02c, 0xcca9])

/**
 * Which of an ECDSA and an RSA certificate OpenSSL will choose for this client, with ECDSA preferred; undefined where
 * this cannot be predicted. A response for the wrong certificate would make careful clients fail, a missing one hardly
 * any.
 */
export function shownKey(hello: ClientHello, ourCiphers: boolean): 'ec' | 'rsa' | undefined {
  const schemes = numbers(hello.signatureSchemes)
  if (!schemes.some((scheme) => ECDSA.includes(scheme) || OTHER_ECDSA.has(scheme)))
    return schemes.length > 0 ? 'rsa' : undefined
  if (!ECDSA.every((scheme) => schemes.includes(scheme))) return undefined
  if (numbers(hello.versions).includes(TLS_1_3)) return 'ec'
  if (!ourCiphers) return undefined
  return numbers(hello.ciphers).some((cipher) => ECDSA_CIPHERS.has(cipher)) ? 'ec' : 'rsa'
}

function numbers(list: Buffer | undefined): number[] {
  const found: number[] = []
  for (let at = 0; list !== undefined && at + 1 < list.length; at += 2) found.push(list.readUInt16BE(at))
  return found
}
