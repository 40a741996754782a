import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ListenerTls } from '../../config/model/model.ts'

/** PEM texts: a certificate with its chain, and its key. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/** What TLS on a listener needs, as PEM texts: plain data that the main thread reads and sends to workers. */
export interface ListenerTlsMaterial {
  /** The first one serves clients that name no server, or an unknown one. */
  readonly certificates: readonly CertificatePair[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** As OpenSSL names them; undefined: those with authenticated encryption. */
  readonly ciphers?: string
  readonly clientAuth?: { readonly ca: string; readonly crl?: string; readonly required: boolean }
}

/**
 * Reads what a listener's `tls` names. Throws what readFileSync and OpenSSL say, with the path before it. With
 * `selfSigned` a certificate for localhost is made, which takes 10 ms and is a new one each time.
 */
export async function readListenerTls(config: ListenerTls): Promise<ListenerTlsMaterial> {
  const certificates = config.certificates.map(({ cert, key }) => ({
    cert: certificate(cert),
    key: pem(key)
  }))
  if (config.selfSigned) certificates.push(await selfSigned())
  const { clientAuth, ciphers } = config
  return {
    certificates,
    minVersion: config.minVersion,
    ...(ciphers !== undefined && { ciphers }),
    ...(clientAuth !== undefined && {
      clientAuth: {
        ca: pem(clientAuth.ca),
        ...(clientAuth.crl !== undefined && { crl: pem(clientAuth.crl) }),
        required: clientAuth.required
      }
    })
  }
}

function certificate(path: string): string {
  const text = pem(path)
  try {
    new X509Certificate(text)
    return text
  } catch (error) {
    throw new Error(`${path}: no certificate in PEM form`, { cause: error })
  }
}

function pem(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${path}`, { cause: error })
  }
}

/** For development: nobody trusts it, and it is gone with the process. */
async function selfSigned(): Promise<CertificatePair> {
  // Loaded only where it is asked for: it brings 2 MB of code.
  const { generate } = await import('selfsigned')
  const day = 86_400_000
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - day),
    notAfterDate: new Date(Date.now() + 90 * day),
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' }
        ]
      }
    ]
  })
  return { cert, key }
}
