import { createHash, type X509Certificate } from 'node:crypto'
import { parseChain } from '../net/tls/certificates/parse-chain.ts'
import { der, DerReader, TAG } from './der.ts'

/** What is needed to ask whether a certificate is revoked. */
export interface OcspSubject {
  /** URL of its responder. */
  readonly url: string
  readonly issuer: X509Certificate
  /** CertID (RFC 6960 §4.1.1), DER. */
  readonly id: Buffer
}

/** id-sha1: responders use it as an index, and RFC 5019 allows no other. It identifies only; it proves nothing. */
const SHA1 = der(TAG.sequence, der(TAG.oid, Buffer.from('2b0e03021a', 'hex')), der(TAG.null))
/** id-pe-tlsfeature (RFC 7633), and the feature status_request in it. */
const TLS_FEATURE = der(TAG.oid, Buffer.from('2b06010505070118', 'hex'))
const STATUS_REQUEST = 5
const EXTENSIONS = 0xa3

/** The facts needed for stapling to a certificate. */
export interface StaplingNeeds {
  /** must-staple: clients that follow RFC 7633 refuse it without a response. */
  readonly must: boolean
  /** Whom to ask about what; a text says why that is not possible. */
  readonly subject: OcspSubject | string
}

/** `pem`: a certificate followed by its chain. Undefined when it cannot be read. */
export function staplingNeeds(pem: string): StaplingNeeds | undefined {
  const chain = parseChain(pem)
  if (typeof chain === 'string') return undefined
  const [leaf, ...others] = chain as [X509Certificate, ...X509Certificate[]]
  try {
    return { must: mustStaple(leaf), subject: subjectOf(leaf, others) }
  } catch {
    return undefined
  }
}

function subjectOf(leaf: X509Certificate, others: readonly X509Certificate[]): OcspSubject | string {
  const url = /^OCSP - URI:(https?:\/\/[^\s"]+)$/m.exec(leaf.infoAccess ?? '')?.[1]
  if (url === undefined || !URL.canParse(url)) return 'it names no OCSP responder'
  const issuer = others.find((each) => leaf.checkIssued(each) && leaf.verify(each.publicKey))
  if (issuer === undefined) return 'the certificate of its issuer is not in its file'
  const { serial, issuer: name } = fieldsOf(leaf)
  const id = der(
    TAG.sequence,
    SHA1,
    der(TAG.octetString, sha1(name)),
    der(TAG.octetString, keyHash(issuer)),
    serial
  )
  return { url, issuer, id }
}

/** SHA-1 of a certificate's public key, without the algorithm. */
export function keyHash(certificate: X509Certificate): Buffer {
  const key = new DerReader(fieldsOf(certificate).publicKey).enter()
  key.read(TAG.sequence)
  // The first byte is the number of unused bits at the end.
  return sha1(key.read(TAG.bitString).content.subarray(1))
}

/** The subject's name, DER. */
export function subjectName(certificate: X509Certificate): Buffer {
  return fieldsOf(certificate).subject
}

function mustStaple(leaf: X509Certificate): boolean {
  const { extensions } = fieldsOf(leaf)
  if (extensions === undefined) return false
  const list = new DerReader(extensions).enter()
  while (!list.done) {
    const extension = list.enter()
    if (!extension.read(TAG.oid).whole.equals(TLS_FEATURE)) continue
    const value = extension.rest().at(-1)
    const features = new DerReader(value!.content).enter().rest()
    if (features.some(({ content }) => content.length === 1 && content[0] === STATUS_REQUEST)) return true
  }
  return false
}

function fieldsOf({ raw }: X509Certificate) {
  const signed = new DerReader(raw).enter().enter()
  if (signed.next(0xa0)) signed.read()
  const serial = signed.read(TAG.integer).whole
  signed.read(TAG.sequence)
  const issuer = signed.read(TAG.sequence).whole
  signed.read(TAG.sequence)
  const subject = signed.read(TAG.sequence).whole
  const publicKey = signed.read(TAG.sequence).whole
  const extensions = signed.rest().find(({ tag }) => tag === EXTENSIONS)?.content
  return { serial, issuer, subject, publicKey, extensions }
}

function sha1(bytes: Uint8Array): Buffer {
  return createHash('sha1').update(bytes).digest()
}
