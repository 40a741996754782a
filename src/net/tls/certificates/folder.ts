import { readdirSync, statSync, type Dirent } from 'node:fs'
import { join } from 'node:path'
import { isBeside } from './beside.ts'

/** Paths of a certificate with its chain and of its key. */
export interface CertificatePaths {
  readonly cert: string
  readonly key: string
}

/** HAProxy keeps an RSA and an ECDSA certificate of one name in `x.pem.rsa` and `x.pem.ecdsa`. */
const CERTIFICATE = /\.(crt|cer|cert|pem)(\.rsa|\.ecdsa)?$/
/** File names of certbot, Kubernetes and acme.sh in a folder per name. */
const IN_FOLDER: readonly (readonly [cert: string, key: string])[] = [
  ['fullchain.pem', 'privkey.pem'],
  ['tls.crt', 'tls.key'],
  ['fullchain.cer', 'key.pem'],
  ['cert.pem', 'key.pem']
]

/**
 * The certificates of a folder: `x.crt` (or .cer, .cert, .pem) with `x.key` beside it, a `x.pem` that holds both, and folders
 * with `fullchain.pem` and `privkey.pem`, `tls.crt` and `tls.key`, or `x.crt` and `x.key`. In order of their names, `default`
 * first. What programs put beside them is left out: hidden files, authorities, a second copy without the chain. Throws what
 * readdir throws.
 */
export function certificatesIn(folder: string): CertificatePaths[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  const order = (name: string): string => (/^default\b/.test(name) ? `\0${name}` : name)
  entries.sort((a, b) => (order(a.name) < order(b.name) ? -1 : 1))
  const files = new Set(
    entries.filter((entry) => !isFolder(entry, join(folder, entry.name))).map(({ name }) => name)
  )
  const pairs = pairsOf(folder, files)
  const found: CertificatePaths[] = []
  for (const { name } of entries) {
    const path = join(folder, name)
    // Hidden files; Kubernetes keeps the real ones in folders with such names, behind symbolic links.
    if (name.startsWith('.')) continue
    const pair = pairs.get(name)
    if (pair !== undefined) found.push(pair)
    else if (!files.has(name)) found.push(...withKeys(path))
  }
  // Without a key beside it a file may hold both.
  return found.filter(({ cert, key }) => cert !== key || !isBeside(cert, found))
}

/** File → its certificate, of one folder. */
function pairsOf(folder: string, names: ReadonlySet<string>): Map<string, CertificatePaths> {
  const pairs = new Map<string, CertificatePaths>()
  const add = (cert: string, key: string): void =>
    void pairs.set(cert, { cert: join(folder, cert), key: join(folder, key) })
  const known = knownPair(names)
  if (known !== undefined) add(...known)
  const taken = new Set<string>(known)
  for (const name of names) {
    if (!CERTIFICATE.test(name) || taken.has(name)) continue
    const base = /\.(rsa|ecdsa)$/.test(name) ? name : name.replace(CERTIFICATE, '')
    if (base.endsWith('-key') || base.endsWith('.key') || taken.has(base)) continue
    taken.add(base)
    add(name, [`${base}.key`, `${base}-key.pem`, `${name}.key`].find((key) => names.has(key)) ?? name)
  }
  return pairs
}

/** The one pair of a folder per name. acme.sh writes `fullchain.cer` and `NAME.key`. */
function knownPair(names: ReadonlySet<string>): readonly [cert: string, key: string] | undefined {
  const known = IN_FOLDER.find((pair) => pair.every((name) => names.has(name)))
  if (known !== undefined) return known
  const keys = [...names].filter((name) => name.endsWith('.key'))
  return names.has('fullchain.cer') && keys.length === 1 ? ['fullchain.cer', keys[0]!] : undefined
}

/** Of a folder below: only what has its key beside it. */
function withKeys(folder: string): CertificatePaths[] {
  const names = new Set(
    readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
  )
  const pairs = pairsOf(folder, names)
  const known = knownPair(names)
  if (known !== undefined) return [pairs.get(known[0])!]
  return [...pairs.values()].filter(({ cert, key }) => cert !== key)
}

function isFolder(entry: Dirent, path: string): boolean {
  return entry.isSymbolicLink() ? isFolderAt(path) : entry.isDirectory()
}

/** Symbolic links to one included. */
export function isFolderAt(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
