import type { OracleMessage, OracleResult } from './llhttp.ts'
import type { OurMessage, OurResult } from './our-parser.ts'

/** Fields of one hop, which our parsers read and cut out of the block. */
const CUT = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'proxy',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization'
])

/** With `Content_Length` and the like, which CGI servers would take for them. */
function isCut(name: string): boolean {
  const lower = name.toLowerCase()
  return CUT.has(lower) || /^(?:content[^a-z0-9]length|transfer[^a-z0-9]encoding)$/.test(lower)
}

export type Comparison =
  | { readonly kind: 'same' }
  /** llhttp takes more of it than we do: allowed, with our reason. */
  | { readonly kind: 'stricter'; readonly reason: string }
  /** We take what llhttp refuses, or read it differently. */
  | { readonly kind: 'wrong'; readonly what: string }

/**
 * Holds our reading to llhttp's: a head or a message that llhttp does not have we must not have, and what both have
 * must be equal. What we do not take is counted as stricter.
 */
export function compare(ours: OurResult, theirs: OracleResult): Comparison {
  for (let i = 0; i < ours.messages.length; i++) {
    const our = ours.messages[i]!
    const their = theirs.messages[i]
    if (their === undefined || !their.headComplete)
      return { kind: 'wrong', what: `head ${i} accepted, llhttp: ${theirs.error ?? 'reads on'}` }
    const difference = differs(our, their)
    if (difference !== undefined) return { kind: 'wrong', what: `message ${i}: ${difference}` }
  }
  const theirHeads = theirs.messages.filter((message) => message.headComplete).length
  if (theirHeads > ours.messages.length) return { kind: 'stricter', reason: `${ours.end} ${ours.reason}` }
  const last = ours.messages.length - 1
  if (last >= 0 && theirs.messages[last]!.complete && !ours.messages[last]!.complete) {
    return { kind: 'stricter', reason: `${ours.end} ${ours.reason}` }
  }
  // Behind the last head that both have: they may have read an error where we wait, but then nothing was accepted.
  if (ours.end === 'refused' && theirs.error === undefined)
    return { kind: 'stricter', reason: `refused ${ours.reason}` }
  return { kind: 'same' }
}

function differs(our: OurMessage, their: OracleMessage): string | undefined {
  if (our.complete && !their.complete) return 'complete, and llhttp does not think so'
  for (const key of ['method', 'target'] as const) {
    if (our[key] !== their[key])
      return `${key} ${JSON.stringify(our[key])}, llhttp: ${JSON.stringify(their[key])}`
  }
  if (our.status !== their.status) return `status ${our.status}, llhttp: ${their.status}`
  const headers = fieldsDiffer(our.headers, their.headers)
  if (headers !== undefined) return headers
  // Without completeness one may have given out more of a broken body than the other, never something else.
  if (
    our.complete
      ? our.body !== their.body
      : !their.body.startsWith(our.body) && !our.body.startsWith(their.body)
  ) {
    return `body ${JSON.stringify(our.body)}, llhttp: ${JSON.stringify(their.body)}`
  }
  return our.complete ? fieldsDiffer(our.trailers, their.trailers) : undefined
}

function fieldsDiffer(ours: OurMessage['headers'], theirs: OracleMessage['headers']): string | undefined {
  const our = ours.filter(([name]) => !isCut(name)).map(([name, value]) => `${name}:${trim(value)}`)
  const their = theirs.filter(([name]) => !isCut(name)).map(([name, value]) => `${name}:${trim(value)}`)
  if (our.length === their.length && our.every((line, i) => line === their[i])) return undefined
  return `fields ${JSON.stringify(our)}, llhttp: ${JSON.stringify(their)}`
}

function trim(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, '')
}
