import { createCipheriv, createHmac } from 'node:crypto'
import { own } from '../../../core/own.ts'
import type { TlsHandle } from '../raw-tls.ts'

/** RFC 8446 §6: the types of records, and of the level `fatal`. */
const ALERT = 21
const APPLICATION_DATA = 23
const FATAL = 2

const HANDSHAKE_FAILURE = 40
const BAD_CERTIFICATE = 42
const UNKNOWN_CA = 48
const CERTIFICATE_REQUIRED = 116

/** Codes of X509_verify_cert, as OpenSSL itself maps them to alerts (RFC 8446 §6.2). */
const BY_CODE: Readonly<Record<string, number>> = {
  CERT_REVOKED: 44,
  CERT_HAS_EXPIRED: 45,
  CRL_HAS_EXPIRED: 45,
  INVALID_PURPOSE: 43,
  CERT_SIGNATURE_FAILURE: 51,
  CRL_SIGNATURE_FAILURE: 51,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_CA,
  UNABLE_TO_GET_CRL: UNKNOWN_CA,
  UNABLE_TO_GET_CRL_ISSUER: UNKNOWN_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_CA,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_CA,
  CERT_CHAIN_TOO_LONG: UNKNOWN_CA,
  INVALID_CA: UNKNOWN_CA,
  PATH_LENGTH_EXCEEDED: UNKNOWN_CA
}

/** The code of a missing certificate, as OpenSSL has it where it refuses one itself. */
export const MISSING = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'

/** The secret of a handshake, of which an alert is made. Only the newest is kept. */
export interface Secrets {
  lbSecret?: Buffer | undefined
}

const SECRET = 'SERVER_TRAFFIC_SECRET_0 '

/** Takes a line of OpenSSL's key log: label, client random, secret. */
export function keepSecret(of: Secrets, line: Buffer): void {
  const text = line.toString('latin1')
  if (text.startsWith(SECRET)) of.lbSecret = Buffer.from(text.trimEnd().split(' ')[2]!, 'hex')
}

/**
 * The alert for a client whose certificate is not accepted, as it goes over the wire. Node has OpenSSL accept every
 * certificate and looks at the result itself, so OpenSSL does not send one. To be called while OpenSSL reports that the
 * handshake is done: in TLS 1.2 the server's Finished has not left yet, so that alerts are still in clear text; in TLS 1.3
 * this is the first record under the server's traffic secret. Undefined where it is too late: a session that TLS 1.2
 * resumes.
 */
export function refusalAlert(
  tls: Pick<TlsHandle, 'getProtocol' | 'getCipher' | 'isSessionReused'>,
  { code = '' }: NodeJS.ErrnoException,
  secret: Buffer | undefined
): Buffer | undefined {
  const modern = tls.getProtocol() === 'TLSv1.3'
  const missing = modern ? CERTIFICATE_REQUIRED : HANDSHAKE_FAILURE
  const description = code === MISSING ? missing : (own(BY_CODE, code) ?? BAD_CERTIFICATE)
  if (modern) return secret && encrypted(tls.getCipher()?.name ?? '', secret, description)
  return tls.isSessionReused() ? undefined : Buffer.from([ALERT, 3, 3, 0, 2, FATAL, description])
}

/** By the name of the cipher suite: name in Node, bytes of the key, hash. */
const SUITES: Readonly<Record<string, readonly [cipher: 'aes-128-gcm', keyBytes: number, hash: string]>> = {
  TLS_AES_128_GCM_SHA256: ['aes-128-gcm', 16, 'sha256'],
  TLS_AES_256_GCM_SHA384: ['aes-256-gcm' as 'aes-128-gcm', 32, 'sha384'],
  TLS_CHACHA20_POLY1305_SHA256: ['chacha20-poly1305' as 'aes-128-gcm', 32, 'sha256']
}
const IV_BYTES = 12
const TAG_BYTES = 16

/** RFC 8446 §5.2, with the sequence number 0. */
function encrypted(suite: string, secret: Buffer, description: number): Buffer | undefined {
  const known = own(SUITES, suite)
  if (known === undefined) return undefined
  const [name, keyBytes, hash] = known
  const text = Buffer.from([FATAL, description, ALERT])
  const header = Buffer.from([APPLICATION_DATA, 3, 3, 0, text.length + TAG_BYTES])
  const key = expand(hash, secret, 'key', keyBytes)
  const iv = expand(hash, secret, 'iv', IV_BYTES)
  const cipher = createCipheriv(name, key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(header)
  return Buffer.concat([header, cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

/** HKDF-Expand-Label (RFC 8446 §7.1) with an empty context, of at most as many bytes as the hash has. */
function expand(hash: string, secret: Buffer, label: string, bytes: number): Buffer {
  const full = `tls13 ${label}`
  const info = Buffer.concat([Buffer.from([0, bytes, full.length]), Buffer.from(full), Buffer.from([0, 1])])
  return createHmac(hash, secret).update(info).digest().subarray(0, bytes)
}
