import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { X509Certificate } from 'node:crypto'
import { parseChain } from './parse-chain.ts'

const KEY = /-----BEGIN [\w ]*PRIVATE KEY-----/
const OTHER =
  /-----BEGIN ((X9\.42 )?DH PARAMETERS|EC PARAMETERS|PUBLIC KEY|X509 CRL|CERTIFICATE REQUEST)-----/

/**
 * Whether a file without a key of its own is one of those that certbot, lego, cert-manager and others write beside a
 * certificate: an authority (`chain.pem`, `ca.crt`), a key, parameters of Diffie-Hellman, or one of `pairs` once more without
 * its chain (`cert.pem`). A certificate that nothing else has is none of them, and neither is garbage: they are reported.
 */
export function isBeside(
  path: string,
  pairs: readonly { readonly cert: string; readonly key: string }[]
): boolean {
  const text = textOf(path)
  if (!/-----BEGIN [\w ]*CERTIFICATE-----/.test(text)) {
    // A file for both may hold the key only while it is being written: its certificate must stay in use then.
    return KEY.test(text) ? /key/i.test(basename(path)) : OTHER.test(text)
  }
  const own = KEY.test(text) ? undefined : firstOf(text)
  if (own === undefined) return false
  // Self-signed certificates of sites are often authorities too, but those have names.
  if (own.ca && own.subjectAltName === undefined) return true
  return pairs.some(({ cert, key }) => {
    if (cert === path) return false
    const other = textOf(cert)
    return (cert !== key || KEY.test(other)) && firstOf(other)?.fingerprint256 === own.fingerprint256
  })
}

function firstOf(text: string): X509Certificate | undefined {
  const chain = parseChain(text)
  return typeof chain === 'string' ? undefined : chain[0]
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
