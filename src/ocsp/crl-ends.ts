import { revocationLists } from '../net/tls/certificates/revocation-lists.ts'
import { DerReader, TAG } from './der.ts'

const UTC_TIME = 0x17

/**
 * When the first of the revocation lists in a PEM text expires (RFC 5280 §5.1), wall clock; undefined: never. Throws
 * for a malformed list.
 */
export function crlEnds(pem: string): number | undefined {
  const ends = listsIn(pem).map(nextUpdate)
  const some = ends.filter((end) => end !== undefined)
  return some.length === 0 ? undefined : Math.min(...some)
}

/** The names of those who issued the lists, DER. Throws for a malformed list. */
export function crlIssuers(pem: string): Buffer[] {
  return listsIn(pem).map((bytes) => {
    const list = new DerReader(bytes).enter().enter()
    if (list.next(TAG.integer)) list.read()
    list.read()
    return list.read(TAG.sequence).whole
  })
}

function listsIn(pem: string): Buffer[] {
  const blocks = revocationLists(pem)
  if (blocks.length === 0) throw new Error('no revocation list in PEM form')
  return blocks.map((block) => Buffer.from(block.replace(/-----[^-]+-----/g, ''), 'base64'))
}

function nextUpdate(bytes: Buffer): number | undefined {
  const list = new DerReader(bytes).enter().enter()
  if (list.next(TAG.integer)) list.read()
  // Algorithm, issuer, thisUpdate.
  for (let n = 0; n < 3; n++) list.read()
  if (!list.next(UTC_TIME) && !list.next(TAG.generalizedTime)) return undefined
  const { tag, content } = list.read()
  const text = content.toString('latin1')
  // RFC 5280 §4.1.2.5.1: two digits of the year, from 1950 to 2049.
  const full = tag === UTC_TIME ? (Number(text.slice(0, 2)) < 50 ? '20' : '19') + text : text
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full)
  if (parts === null) throw new Error('a revocation list with a time of an unknown form')
  const [, year, month, day, hour, minute, second] = parts
  return Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!)
}
