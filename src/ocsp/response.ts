import { verify, X509Certificate } from 'node:crypto'
import { keyHash, subjectName, type OcspSubject } from './certificate-id.ts'
import { DerReader, TAG, type DerElement } from './der.ts'

/** A response that may be stapled. */
export interface Staple {
  readonly bytes: Buffer
  /** Milliseconds. */
  readonly thisUpdate: number
  /** Until when it may be used. */
  readonly nextUpdate: number
}

/** An unusable answer; `revoked` when the certificate is revoked. */
export class OcspError extends Error {
  override readonly name = 'OcspError'
  readonly kind: 'no-answer' | 'not-valid' | 'revoked'

  constructor(kind: OcspError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** RFC 6960 §4.2.1. */
const STATUSES: Readonly<Record<number, string>> = {
  1: 'malformed request',
  2: 'internal error',
  3: 'try later',
  5: 'it wants a signed request',
  6: 'unauthorized: it does not know the certificate'
}
/** OID of the signature's algorithm, in hex → digest; null: the algorithm has its own. */
const DIGESTS = new Map<string, string | null>([
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2b6570', null],
  ['2b6571', null]
])
const BASIC = '2b0601050507300101'
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
const GOOD = 0x80
const REVOKED = 0xa1
/** Clocks differ by up to this. */
const SKEW_MS = 300_000
/** Lifetime of a response without nextUpdate. */
const WITHOUT_NEXT_MS = 3_600_000

/**
 * Checks a response as a client would: it must be about this certificate, valid now, and signed by the issuer, or by a
 * responder that the issuer has authorised (RFC 6960 §4.2.2.2). Throws an OcspError.
 */
export function readResponse(bytes: Buffer, subject: OcspSubject, now: number): Staple {
  try {
    return read(bytes, subject, now)
  } catch (error) {
    if (error instanceof OcspError) throw error
    throw new OcspError('not-valid', `its answer cannot be read: ${(error as Error).message}`)
  }
}

function read(bytes: Buffer, subject: OcspSubject, now: number): Staple {
  const outer = new DerReader(bytes).enter()
  const status = outer.read(TAG.enumerated).content[0]!
  if (status !== 0) throw new OcspError('no-answer', `it answers: ${STATUSES[status] ?? `status ${status}`}`)
  const typed = outer.enter(0xa0).enter()
  if (typed.read(TAG.oid).content.toString('hex') !== BASIC) throw notValid('it is of an unknown kind')
  const basic = new DerReader(typed.read(TAG.octetString).content).enter()
  const signed = basic.read(TAG.sequence)
  const algorithm = basic.enter().read(TAG.oid).content.toString('hex')
  const signature = basic.read(TAG.bitString).content.subarray(1)
  const shown = basic.next(0xa0) ? basic.enter(0xa0).enter().rest() : []
  const { responder, single } = dataOf(signed, subject)
  if (!isSigned(signed.whole, algorithm, signature, signers(subject, shown, responder, now)))
    throw notValid('its signature is neither by the issuer nor by a responder that the issuer has authorised')
  return stapleOf(bytes, single, now)
}

function dataOf(signed: DerElement, subject: OcspSubject) {
  const data = new DerReader(signed.content)
  if (data.next(0xa0)) data.read()
  const responder = data.read()
  data.read(TAG.generalizedTime)
  const wanted = idParts(subject.id)
  for (const each of data.enter().rest()) {
    const single = new DerReader(each.content)
    const found = idParts(single.read(TAG.sequence).whole)
    if (found.every((part, i) => part.equals(wanted[i]!))) return { responder, single }
  }
  throw notValid('it is about another certificate')
}

/** The algorithm's parameters may be absent or NULL. */
function idParts(id: Buffer): Buffer[] {
  const parts = new DerReader(id).enter()
  const algorithm = parts.enter().read(TAG.oid).content
  return [algorithm, ...parts.rest().map(({ content }) => content)]
}

function stapleOf(bytes: Buffer, single: DerReader, now: number): Staple {
  const status = single.read()
  if (status.tag !== GOOD) {
    if (status.tag === REVOKED) throw new OcspError('revoked', 'the certificate is revoked')
    throw notValid('the responder does not know the certificate')
  }
  const thisUpdate = timeOf(single.read(TAG.generalizedTime))
  const nextUpdate = single.next(0xa0)
    ? timeOf(single.enter(0xa0).read(TAG.generalizedTime))
    : Math.max(thisUpdate, now) + WITHOUT_NEXT_MS
  if (thisUpdate > now + SKEW_MS) throw notValid('it is not valid yet')
  if (nextUpdate <= now) throw notValid('it is out of date')
  return { bytes, thisUpdate, nextUpdate }
}

function signers(
  { issuer }: OcspSubject,
  shown: readonly DerElement[],
  responder: DerElement,
  now: number
): X509Certificate[] {
  const delegated = shown
    .slice(0, 10)
    .map(({ whole }) => new X509Certificate(whole))
    .filter(
      (each) =>
        each.checkIssued(issuer) &&
        each.verify(issuer.publicKey) &&
        (each.keyUsage as string[] | undefined)?.includes(OCSP_SIGNING) === true &&
        Date.parse(each.validFrom) <= now + SKEW_MS &&
        Date.parse(each.validTo) > now
    )
  return [issuer, ...delegated].filter((each) => isResponder(each, responder))
}

/** ResponderID: by name, or by the hash of its key. */
function isResponder(certificate: X509Certificate, { tag, content }: DerElement): boolean {
  if (tag === 0xa1) return subjectName(certificate).equals(content)
  return tag === 0xa2 && keyHash(certificate).equals(new DerReader(content).read(TAG.octetString).content)
}

function isSigned(
  data: Buffer,
  algorithm: string,
  signature: Buffer,
  candidates: readonly X509Certificate[]
): boolean {
  const digest = DIGESTS.get(algorithm)
  if (digest === undefined) throw notValid('it is signed by an algorithm that is unknown or too weak')
  return candidates.some(({ publicKey }) => {
    try {
      return verify(digest, data, publicKey, signature)
    } catch {
      // The key's type does not match the algorithm.
      return false
    }
  })
}

/** GeneralizedTime of DER: `20261127065356Z`. */
function timeOf({ content }: DerElement): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(content.toString('latin1'))
  if (parts === null) throw notValid('it has a time of an unknown form')
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function notValid(message: string): OcspError {
  return new OcspError('not-valid', `its answer is not usable: ${message}`)
}
