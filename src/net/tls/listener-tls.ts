import { createSecureContext } from 'node:tls'
import { readFileSync } from 'node:fs'
import type { ListenerTls } from '../../config/model/model.ts'
import { checkCertificate, type CheckedCertificate } from './certificates/check-certificate.ts'
import { own } from '../../core/own.ts'
import { certificatesIn, type CertificatePaths } from './certificates/folder.ts'
import { parseChain } from './certificates/parse-chain.ts'
import { whyNotLists } from './certificates/revocation-lists.ts'

/** PEM texts: a certificate with its chain, and its key. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
  /** An OCSP response for it, in base64. */
  readonly staple?: string
}

/** What TLS on a listener needs, as PEM texts: plain data that the main thread reads and sends to workers. */
export interface ListenerTlsMaterial {
  /** The first one is for clients that name no server, or an unknown one. */
  readonly certificates: readonly CertificatePair[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** In OpenSSL's syntax; undefined: those with authenticated encryption. */
  readonly ciphers?: string
  /** Some certificates come from ACME, and tls-alpn-01 validations are answered. */
  readonly acme?: {
    /** Names whose first certificate has not been issued yet: clients must not get another one instead. */
    readonly pending: readonly string[]
    /** Certificates for unknown names are obtained on demand. */
    readonly onDemand: boolean
  }
  readonly clientAuth?: {
    readonly ca: string
    /** PEM, of one authority or several. */
    readonly crl?: string
    readonly required: boolean
    /** Wall clock: from then on clients are verified anew, since a revocation list is too old. */
    readonly resumesUntil?: number | undefined
  }
}

/** A file of a listener's `tls` that cannot be used, with the key that names the file. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError'
  /** Path below `tls`: `['certificates', 0, 'key']`. */
  readonly place: readonly (string | number)[]
  readonly path: string

  constructor(place: readonly (string | number)[], path: string, reason: string, cause?: unknown) {
    super(`${path}: ${reason}`, cause === undefined ? undefined : { cause })
    this.place = place
    this.path = path
  }
}

/** One certificate of a listener, as its files are now. */
export interface ReadCertificate {
  readonly paths: CertificatePaths
  readonly place: readonly (string | number)[]
  readonly pair: CertificatePair
  readonly checked: CheckedCertificate
}

/** The files of all certificates of a listener. Throws TlsFileError. */
export function certificatePaths({
  certificates,
  certificateFolder
}: ListenerTls): readonly (CertificatePaths & { readonly place: readonly (string | number)[] })[] {
  if (certificateFolder === undefined)
    return certificates.map((paths, i) => ({ ...paths, place: ['certificates', i] }))
  const place = ['certificates', 'dir']
  try {
    return certificatesIn(certificateFolder).map((paths) => ({ ...paths, place }))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT'
        ? 'no such folder'
        : code === 'ENOTDIR'
          ? 'is a file; for one it is `certificates: { cert: FILE, key: FILE }`'
          : `cannot be read: ${message}`
    throw new TlsFileError(place, certificateFolder, why, error)
  }
}

/**
 * Reads and checks every certificate. Throws TlsFileError when a file cannot be read; other problems are in `checked`.
 */
export function readCertificates(
  config: ListenerTls,
  now: number,
  onUnreadable: (error: unknown) => void = rethrow
): ReadCertificate[] {
  return certificatePaths(config).flatMap((at) => {
    const read = readCertificate(config, at, now, onUnreadable)
    return read === undefined ? [] : [read]
  })
}

/**
 * Reads one of `certificatePaths`. Undefined when it cannot be read; `onUnreadable` has been called for each of its
 * files then.
 */
export function readCertificate(
  { certificateFolder, ciphers }: ListenerTls,
  { cert, key, place }: ReturnType<typeof certificatePaths>[number],
  now: number,
  onUnreadable: (error: unknown) => void = rethrow
): ReadCertificate | undefined {
  const named = certificateFolder === undefined
  const read = (path: string, at: 'cert' | 'key'): string | undefined => {
    try {
      return readText(path, named ? [...place, at] : place)
    } catch (error) {
      onUnreadable(error)
      return undefined
    }
  }
  const text = read(cert, 'cert')
  const pair = { cert: text, key: key === cert ? text : read(key, 'key') }
  if (pair.cert === undefined || pair.key === undefined) return undefined
  const checked = checkCertificate(pair.cert, pair.key, now, ciphers)
  return { paths: { cert, key }, place, pair: { cert: pair.cert, key: pair.key }, checked }
}

function rethrow(error: unknown): never {
  throw error
}

/** What client certificates are held to. Throws TlsFileError. */
export function readClientAuth({ clientAuth }: ListenerTls): ListenerTlsMaterial['clientAuth'] {
  return (
    clientAuth && {
      ca: authorities(clientAuth.ca, ['clientAuth', 'ca']),
      ...(clientAuth.crl !== undefined && { crl: revocations(clientAuth.crl) }),
      required: clientAuth.required
    }
  )
}

/** The material of a listener's `tls`, with the certificates in use. Throws TlsFileError. */
export function listenerMaterial(
  config: ListenerTls,
  certificates: readonly CertificatePair[],
  pending: readonly string[] = [],
  clientAuth = readClientAuth(config)
): ListenerTlsMaterial {
  const { ciphers, acme } = config
  if (ciphers !== undefined) checkCiphers(ciphers)
  return {
    certificates,
    minVersion: config.minVersion,
    ...(ciphers !== undefined && { ciphers }),
    ...(acme !== undefined && { acme: { pending, onDemand: acme.onDemand !== undefined } }),
    ...(clientAuth !== undefined && { clientAuth })
  }
}

function checkCiphers(ciphers: string): void {
  try {
    createSecureContext({ ciphers })
  } catch (error) {
    throw new TlsFileError(
      ['ciphers'],
      ciphers,
      'OpenSSL knows none of these; openssl ciphers -v lists those it knows',
      error
    )
  }
}

function revocations(path: string): string {
  const place = ['clientAuth', 'crl']
  const crl = readText(path, place)
  const reason = whyNotLists(crl)
  if (reason !== undefined) throw new TlsFileError(place, path, reason)
  return crl
}

/** Reads a file of CA certificates. */
export function authorities(path: string, place: readonly (string | number)[]): string {
  const text = readText(path, place)
  const chain = parseChain(text)
  if (typeof chain === 'string') throw new TlsFileError(place, path, chain)
  return text
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'may not be read',
  EISDIR: 'is a folder; name a file',
  ENOTDIR: 'a part of its path is a file, not a folder'
}

export function readText(path: string, place: readonly (string | number)[]): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new TlsFileError(place, path, own(REASONS, code ?? '') ?? (error as Error).message, error)
  }
}
