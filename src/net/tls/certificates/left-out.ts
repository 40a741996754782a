import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { certificatesIn, isFolderAt, type CertificatePaths } from './folder.ts'

/** Files of a folder that look like a certificate and are not in use, one sentence each. */
export function leftOutOf(folder: string, pairs: readonly CertificatePaths[]): string[] {
  const used = new Set(pairs.map(({ key }) => key))
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (name.startsWith('.')) return []
    if (/\.(p12|pfx)$/i.test(name))
      return [
        `${path} is left out: convert PKCS #12 to PEM: \`openssl pkcs12 -in FILE -nodes -out FILE.pem\``
      ]
    if (/\.(jks|keystore)$/i.test(name)) return [`${path} is left out: lb reads PEM, not stores of Java`]
    if (!name.endsWith('.key') || used.has(path) || pairs.some(({ cert }) => isNamed(cert, name))) return []
    const base = basename(name, '.key')
    return [`${path} is left out: its certificate is not there as ${base}.crt or ${base}.pem`]
  })
}

/** `x.pem.key` beside an `x.pem` that holds both. */
function isNamed(cert: string, key: string): boolean {
  return basename(cert).startsWith(basename(key, '.key'))
}

/** Why a folder gives no certificate, and what to name in its place. */
export function whyEmpty(folder: string): string {
  const none = 'holds no certificate with its key'
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch {
    return none
  }
  const below = names.map((name) => join(folder, name)).filter(isFolderAt)
  if (below.some((path) => readdirSync(path).some((name) => /^fullchain\d+\.pem$/.test(name))))
    return `${none}; certbot's current ones are in the folder "live" beside it`
  const other = below.find((path) => certificatesIn(path).length > 0)
  if (other !== undefined) return `${none}, but ${other} does: name that one`
  return `${none}: x.crt and x.key, x.pem with both, or a folder with fullchain.pem and privkey.pem`
}
