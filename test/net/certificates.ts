import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestCertificates {
  /** PEM of the root. */
  readonly ca: string
  /** A certificate for these names, signed by the root, as PEM. */
  leaf(...names: string[]): { cert: string; key: string }
}

/** A throw-away certificate authority made with openssl, which every machine that builds Node has. */
export function testCertificates(): TestCertificates {
  const directory = mkdtempSync(join(tmpdir(), 'lb-ca-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
    ...['-subj', '/CN=lb test root', '-keyout', 'ca.key', '-out', 'ca.pem']
  )
  let count = 0
  return {
    ca: readFileSync(file('ca.pem'), 'utf8'),
    leaf(...names) {
      const base = `leaf${count++}`
      const san = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',')
      writeFileSync(file(`${base}.ext`), `subjectAltName=${san}\n`)
      openssl(
        ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-subj', `/CN=${names[0]}`, '-keyout', `${base}.key`, '-out', `${base}.csr`]
      )
      openssl(
        ...['x509', '-req', '-in', `${base}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-days', '30', '-extfile', `${base}.ext`, '-out', `${base}.pem`]
      )
      return {
        cert: readFileSync(file(`${base}.pem`), 'utf8'),
        key: readFileSync(file(`${base}.key`), 'utf8')
      }
    }
  }
}
