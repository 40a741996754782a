import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext, rootCertificates } from 'node:tls'
import { altNames } from './alt-names.ts'
import { doubtsOf } from './doubts.ts'
import { formOf } from './not-pem.ts'
import { brokenPem, parseChain } from './parse-chain.ts'
import { commonNameOf, dayOf } from './words.ts'

/** A problem of a certificate or its key. `unusable`: TLS does not work with it at all. */
export interface CertificateProblem {
  readonly file: 'cert' | 'key'
  readonly kind: 'unusable' | 'expired' | 'not-yet-valid' | 'chain'
  readonly message: string
}

export interface CertificateFacts {
  /** Names and addresses that it is valid for. */
  readonly names: readonly string[]
  /** SHA-256, as browsers show it: upper-case hex with colons. */
  readonly fingerprint: string
  /** Milliseconds. */
  readonly notBefore: number
  readonly notAfter: number
}

export interface CheckedCertificate {
  /** Undefined when it cannot be read. */
  readonly facts: CertificateFacts | undefined
  readonly problems: readonly CertificateProblem[]
  /** Why clients might refuse it all the same; for `lb check`. */
  readonly doubts: readonly string[]
}

const DAY_MS = 86_400_000

/**
 * Checks a certificate with its chain and its key, both PEM texts; `ciphers` may lower OpenSSL's requirements
 * (`@SECLEVEL=0`). Pure, except for the roots that Node brings.
 */
export function checkCertificate(
  cert: string,
  key: string,
  now: number,
  ciphers?: string
): CheckedCertificate {
  const chain = parseChain(cert)
  if (typeof chain === 'string') {
    const swapped = /PRIVATE KEY-----/.test(cert) && /BEGIN CERTIFICATE-----/.test(key)
    const message = swapped ? `${chain}; \`cert\` and \`key\` are exchanged` : chain
    return { facts: undefined, doubts: [], problems: [{ file: 'cert', kind: 'unusable', message }] }
  }
  const [leaf] = chain
  const facts: CertificateFacts = {
    names: altNames(leaf!.subjectAltName ?? '').map((name) => name.slice(name.indexOf(':') + 1)),
    fingerprint: leaf!.fingerprint256,
    notBefore: Date.parse(leaf!.validFrom),
    notAfter: Date.parse(leaf!.validTo)
  }
  const unusable = keyProblems(chain, key)
  const misplaced = unusable.some(({ file }) => file === 'cert')
  return {
    facts,
    problems: [
      ...(unusable.length > 0 ? unusable : refusedByOpenssl(cert, key, ciphers)),
      ...dateProblems(facts, now),
      // Where the first certificate is another's, nothing else is in order either.
      ...(misplaced ? [] : chainProblems(chain))
    ],
    doubts: misplaced ? [] : doubtsOf(chain, now)
  }
}

/** Whole days until it expires, negative once it has. */
export function daysLeft({ notAfter }: Pick<CertificateFacts, 'notAfter'>, now: number): number {
  return Math.floor((notAfter - now) / DAY_MS)
}

function keyProblems(chain: readonly X509Certificate[], pem: string): CertificateProblem[] {
  const problem = (message: string): CertificateProblem[] => [{ file: 'key', kind: 'unusable', message }]
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (error) {
    if (/-----BEGIN (ENCRYPTED|.*\n.*Proc-Type: 4,ENCRYPTED)/.test(pem))
      return problem('the key has a passphrase; remove it: `openssl pkey -in FILE -out FILE.plain`')
    if (/-----BEGIN CERTIFICATE-----/.test(pem)) return problem('holds a certificate and no private key')
    if (/-----BEGIN (\w+ )?PUBLIC KEY-----/.test(pem)) return problem('holds a public key and no private one')
    if (/-----BEGIN OPENSSH PRIVATE KEY-----/.test(pem))
      return problem(
        'is a key of OpenSSH, which TLS does not use; name the key that the request for the certificate was made with'
      )
    if (!/-----BEGIN [\w ]*PRIVATE KEY-----/.test(pem))
      return problem(formOf(pem, 'key') ?? 'no private key in PEM form')
    return problem(
      formOf(pem, 'key') ?? `no private key in PEM form: ${brokenPem(pem, (error as Error).message)}`
    )
  }
  const fits = chain.findIndex((certificate) => certificate.checkPrivateKey(key))
  if (fits === 0) return []
  if (fits > 0) {
    const message = `the key belongs to certificate ${fits + 1} of the file, which must come first, followed by its issuers`
    return [{ file: 'cert', kind: 'unusable', message }]
  }
  const [first] = chain
  // A certificate that has signed itself is that of a server as often as that of an authority (`openssl req -x509`).
  if (first!.ca && (chain.length > 1 || first!.subject !== first!.issuer))
    return problem(
      'the key does not fit the certificate, which is that of an authority: its file holds the chain only, and the own certificate must come before it'
    )
  return problem(
    'the key does not fit the certificate; it must be the one that the request for it was made with'
  )
}

/** Problems that OpenSSL would report only at start, without naming the file. */
function refusedByOpenssl(cert: string, key: string, ciphers: string | undefined): CertificateProblem[] {
  try {
    createSecureContext({ cert, key, ca: [], ...(ciphers !== undefined && { ciphers }) })
    return []
  } catch (error) {
    const { message } = error as Error
    // Problems with ciphers are reported elsewhere.
    if (/cipher/i.test(message)) return []
    const why = /key too small/.test(message)
      ? 'its key is too short; make one of 2,048 bits or more (RSA), or on P-256'
      : /md too weak/.test(message)
        ? 'it, or one of its issuers, is signed with an unsafe hash (SHA-1, MD5); have it signed again'
        : `OpenSSL refuses it: ${message}; is each certificate in the file whole?`
    return [{ file: 'cert', kind: 'unusable', message: why }]
  }
}

function dateProblems({ notBefore, notAfter }: CertificateFacts, now: number): CertificateProblem[] {
  if (notAfter <= now) {
    const ago = -daysLeft({ notAfter }, now) - 1
    return [
      {
        file: 'cert',
        kind: 'expired',
        message: `it expired on ${dayOf(notAfter)}, ${days(ago)} ago; renew it`
      }
    ]
  }
  if (notBefore <= now) return []
  return [
    {
      file: 'cert',
      kind: 'not-yet-valid',
      message: `it is not valid before ${dayOf(notBefore)}; is the clock of this machine right?`
    }
  ]
}

/**
 * Each certificate must have signed the one before it. Whether the last issuer is missing cannot be known for sure: it
 * may be a private authority. Public issuers have a URL to get them from; private roots hardly ever do.
 */
function chainProblems(chain: readonly X509Certificate[]): CertificateProblem[] {
  const problem = (message: string): CertificateProblem[] => [{ file: 'cert', kind: 'chain', message }]
  for (const [i, certificate] of chain.entries()) {
    const issuer = chain[i + 1]
    if (issuer === undefined || isIssuedBy(certificate, issuer)) continue
    if (issuer.fingerprint256 === certificate.fingerprint256)
      return problem(`certificate ${i + 2} of the file is certificate ${i + 1} once more; take it out`)
    const rest = chain.slice(i + 1)
    if (rest.some((each) => isIssuedBy(certificate, each)))
      return problem(
        'the certificates are out of order: each must be followed by the one that signed it, the own one first'
      )
    return problem(
      `certificate ${i + 2} of the file did not sign certificate ${i + 1} (${commonNameOf(certificate.subject)}); put the one of ${commonNameOf(certificate.issuer)} there, or take it out`
    )
  }
  const last = chain.at(-1)!
  if (last.issuer === last.subject || last.infoAccess === undefined || !/CA Issuers/.test(last.infoAccess))
    return []
  if (publicRoots().has(last.issuer)) return []
  const from = /^CA Issuers - URI:(\S+)$/m.exec(last.infoAccess)?.[1]
  const where = from === undefined ? '' : `, from ${from}`
  return problem(
    `the chain is incomplete: append the certificate of ${commonNameOf(last.issuer)}${where} to the file, in PEM form`
  )
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

let roots: Set<string> | undefined

/** Subjects of the public roots; takes 5 ms, once and only where a public authority has signed. */
function publicRoots(): Set<string> {
  return (roots ??= new Set(rootCertificates.map((pem) => new X509Certificate(pem).subject)))
}

function days(count: number): string {
  return count === 1 ? 'one day' : `${count} days`
}
