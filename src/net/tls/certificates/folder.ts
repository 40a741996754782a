import { readdirSync, statSync, type Dirent } from 'node:fs'
import { join } from 'node:path'

/** Paths of a certificate with its chain and of its key. */
export interface CertificatePaths {
  readonly cert: string
  readonly key: string
}

const CERTIFICATE = /\.(crt|cer|cert|pem)$/
/** File names of certbot, lego, acme.sh and Kubernetes in a folder per name. */
const IN_FOLDER: readonly (readonly [cert: string, key: string])[] = [
  ['fullchain.pem', 'privkey.pem'],
  ['tls.crt', 'tls.key'],
  ['fullchain.cer', 'key.pem'],
  ['cert.pem', 'key.pem']
]

/**
 * The certificates of a folder: `x.crt` (or .cer, .cert, .pem) with `x.key` beside it, a `x.pem` that holds both, and folders
 * with `fullchain.pem` and `privkey.pem`, or `tls.crt` and `tls.key`. In order of their names, `default` first. Throws what readdir throws.
 */
export function certificatesIn(folder: string): CertificatePaths[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  const names = new Set(entries.map(({ name }) => name))
  const order = (name: string): string => (/^default\b/.test(name) ? `\0${name}` : name)
  entries.sort((a, b) => (order(a.name) < order(b.name) ? -1 : 1))
  const found: CertificatePaths[] = []
  const taken = new Set<string>()
  for (const entry of entries) {
    const path = join(folder, entry.name)
    // Kubernetes keeps the real files in folders with such names, behind symbolic links.
    if (entry.name.startsWith('..')) continue
    if (isFolder(entry, path)) {
      const pair = pairIn(path)
      if (pair !== undefined) found.push(pair)
      continue
    }
    if (!CERTIFICATE.test(entry.name)) continue
    const base = entry.name.replace(CERTIFICATE, '')
    if (base.endsWith('-key') || base.endsWith('.key') || taken.has(base)) continue
    const key = [`${base}.key`, `${base}-key.pem`].find((name) => names.has(name)) ?? entry.name
    taken.add(base)
    found.push({ cert: path, key: join(folder, key) })
  }
  return found
}

function pairIn(folder: string): CertificatePaths | undefined {
  const names = new Set(readdirSync(folder))
  const pair = IN_FOLDER.find(([cert, key]) => names.has(cert) && names.has(key))
  return pair && { cert: join(folder, pair[0]), key: join(folder, pair[1]) }
}

function isFolder(entry: Dirent, path: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
