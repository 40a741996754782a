import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { CertificatePair, ListenerTlsMaterial } from '../listener-tls.ts'
import { revocationLists } from '../certificates/revocation-lists.ts'

/**
 * Only authenticated encryption with forward secrecy; for TLS 1.2 as in testssl.sh and Mozilla's "intermediate".
 * AES-128 first: it is as safe, and a fifth cheaper.
 */
const DEFAULT_CIPHERS = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305']
].join(':')

/**
 * OpenSSL 3.5's post-quantum group comes first: a client that knows it and sent no key share for it is asked for one (by browsers and
 * OpenSSL there is one). Of those behind the slash, the one that the client sent a share for is taken.
 */
const GROUPS = ['X25519MLKEM768/X25519:P-256:P-384', 'X25519:P-256:P-384']

/** Missing in @types/node. OpenSSL 1.1.0h and later. */
const SSL_OP_NO_RENEGOTIATION = 0x4000_0000
/** A client whose first choice is ChaCha20 has no AES hardware. */
const SSL_OP_PRIORITIZE_CHACHA = 0x20_0000

let groups: string | undefined

/** The context for a listener with these certificates; several for one name differ in the type of their key. */
export function serverContext(
  pairs: readonly CertificatePair[],
  material: ListenerTlsMaterial,
  sessionIdContext: string
): SecureContext {
  return createSecureContext(serverOptions(pairs, material, sessionIdContext))
}

/** The same as options, for a tls.Server. */
export function serverOptions(
  pairs: readonly CertificatePair[],
  material: ListenerTlsMaterial,
  sessionIdContext: string
): SecureContextOptions {
  const { clientAuth, minVersion, ciphers } = material
  return {
    cert: pairs.map(({ cert }) => cert),
    key: pairs.map(({ key }) => key),
    minVersion,
    ciphers: ciphers ?? DEFAULT_CIPHERS,
    ecdhCurve: (groups ??= GROUPS.find(isKnown)!),
    honorCipherOrder: true,
    secureOptions:
      SSL_OP_NO_RENEGOTIATION | SSL_OP_PRIORITIZE_CHACHA | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
    sessionIdContext,
    // Empty where no client certificate is requested: Node would load the 150 public roots, and OpenSSL would search
    // them for the issuer of a lone certificate in every handshake.
    ca: clientAuth?.ca ?? [],
    ...(clientAuth?.crl !== undefined && { crl: revocationLists(clientAuth.crl) })
  }
}

function isKnown(ecdhCurve: string): boolean {
  try {
    createSecureContext({ ecdhCurve })
    return true
  } catch {
    return false
  }
}
