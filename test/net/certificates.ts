import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestCertificate {
  /** PEM texts. */
  readonly cert: string
  readonly key: string
  /** The same as files. */
  readonly files: { readonly cert: string; readonly key: string }
}

export interface TestCertificates {
  /** PEM of the root. */
  readonly ca: string
  readonly caFile: string
  /** A certificate for these names, signed by the root, as PEM. */
  leaf(...names: string[]): TestCertificate
  /** `subject` as openssl takes it (`/O=x/CN=y`), `san` as in its extension files, dates as YYYYMMDDHHMMSSZ. */
  issue(options: IssueOptions): TestCertificate
  /** A revocation list with these certificates. */
  crl(...revoked: TestCertificate[]): string
  /** A list of what has been revoked since the list of that number. */
  deltaCrl(since: number): string
}

export interface IssueOptions {
  readonly subject?: string
  readonly san?: string
  readonly key?: 'ec' | 'rsa'
  readonly from?: string
  readonly until?: string
  readonly extensions?: string
}

const CONFIG = `
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
unique_subject = no
policy = any
copy_extensions = none
[any]
organizationName = optional
organizationalUnitName = optional
commonName = optional
[req]
distinguished_name = dn
string_mask = utf8only
[dn]
`

/** A throw-away certificate authority made with openssl, which every machine that builds Node has. */
export function testCertificates(name = 'lb test root'): TestCertificates {
  const directory = mkdtempSync(join(tmpdir(), 'lb-ca-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  writeFileSync(file('own.cnf'), CONFIG)
  writeFileSync(file('index.txt'), '')
  writeFileSync(file('serial'), '1000\n')
  writeFileSync(file('crlnumber'), '1000\n')
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
    ...['-subj', `/CN=${name}`, '-keyout', 'ca.key', '-out', 'ca.pem']
  )
  let count = 0
  const issue = ({ subject = '/', san, key = 'ec', from, until, extensions = '' }: IssueOptions) => {
    const base = `leaf${count++}`
    const files = { cert: file(`${base}.pem`), key: file(`${base}.key`) }
    const kind = key === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048']
    openssl(
      ...['req', '-new', '-newkey', ...kind, '-nodes', '-utf8', '-config', 'own.cnf', '-subj', subject],
      ...['-keyout', files.key, '-out', `${base}.csr`]
    )
    writeFileSync(
      file(`${base}.ext`),
      `${san === undefined ? '' : `subjectAltName=${san}\n`}${extensions}\nauthorityKeyIdentifier=keyid\n`
    )
    openssl(
      ...['ca', '-batch', '-notext', '-config', 'own.cnf', '-in', `${base}.csr`, '-out', files.cert],
      ...(from === undefined ? [] : ['-startdate', from]),
      ...(until === undefined ? [] : ['-enddate', until]),
      ...['-extfile', `${base}.ext`]
    )
    return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8'), files }
  }
  return {
    ca: readFileSync(file('ca.pem'), 'utf8'),
    caFile: file('ca.pem'),
    issue,
    leaf: (...names) =>
      issue({
        subject: `/CN=${names[0]}`,
        san: names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',')
      }),
    crl(...revoked) {
      for (const { files } of revoked) openssl('ca', '-config', 'own.cnf', '-revoke', files.cert)
      openssl('ca', '-config', 'own.cnf', '-gencrl', '-out', 'crl.pem')
      return readFileSync(file('crl.pem'), 'utf8')
    },
    deltaCrl(since) {
      const extensions = `[delta]\n2.5.29.27=critical,DER:0201${since.toString(16).padStart(2, '0')}\n`
      writeFileSync(file('delta.cnf'), `${CONFIG}${extensions}`)
      openssl('ca', '-config', 'delta.cnf', '-gencrl', '-crlexts', 'delta', '-out', 'delta.pem')
      return readFileSync(file('delta.pem'), 'utf8')
    }
  }
}
