import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../core/files/make-folder.ts'
import { replaceFile } from '../../core/files/replace-file.ts'
import {
  loadAuthority,
  makeAuthority,
  signedCertificate
} from '../../net/tls/certificates/make-certificate.ts'
import type { CertificatePair } from '../../net/tls/listener-tls.ts'

export interface DevCertificate {
  /** Paths. */
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** The authority existed before, so it need not be installed again. */
  readonly known: boolean
}

/**
 * `lb dev-cert`: writes a certificate for these names to `folder`, signed by this machine's own authority, which is
 * created the first time.
 */
export async function writeDevCertificate(
  folder: string,
  names: readonly string[],
  now: number
): Promise<DevCertificate> {
  // Whoever can read the authority's key can impersonate any site to those who trust it.
  await makeFolder(folder, 0o700)
  const at = (name: string): string => join(folder, name)
  const paths = { ca: at('ca.crt'), cert: at('dev.crt'), key: at('dev.key') }
  const there = readPair(paths.ca, at('ca.key'))
  const authority =
    there === undefined ? await makeAuthority('lb development authority', now) : await loadAuthority(there)
  if (there === undefined) {
    await write(at('ca.key'), authority.certificate.key, 0o600)
    await write(paths.ca, authority.certificate.cert, 0o644)
  }
  const { cert, key } = await signedCertificate(authority, names, now)
  await write(paths.key, key, 0o600)
  await write(paths.cert, cert, 0o644)
  return { ...paths, known: there !== undefined }
}

function readPair(cert: string, key: string): CertificatePair | undefined {
  try {
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function write(path: string, text: string, mode: number): Promise<void> {
  return replaceFile(path, text.endsWith('\n') ? text : `${text}\n`, { mode })
}
