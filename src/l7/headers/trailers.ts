import { FORWARDING_FIELDS } from './forwarding-fields.ts'
import { variableName } from './field-names.ts'

/**
 * Names that a trailer section may not bring (RFC 9110 §6.5.1): whatever frames, routes, authenticates, conditions or
 * describes the message, and what this proxy tells. Servers that merge trailers into the fields (aiohttp, uvicorn) would
 * see the field only after all decisions before them were made without it.
 */
const REFUSED = new Set([
  ...FORWARDING_FIELDS,
  'accept',
  'age',
  'authorization',
  'cache-control',
  'connection',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'keep-alive',
  'location',
  'max-forwards',
  'origin',
  'pragma',
  'range',
  'referer',
  'retry-after',
  'set-cookie',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'vary',
  'via',
  'www-authenticate',
  'x-forwarded',
  'x-request-id'
])
const REFUSED_PREFIXES = [
  'access-control-',
  'if-',
  'proxy-',
  'sec-',
  'x-client-cert-',
  'x-forwarded-',
  'x-http-method'
]
/** What is known of the content only at its end (RFC 9530). */
const OF_THE_CONTENT = new Set(['content-digest', 'content-md5'])

/** Whether a field called so may stand in a trailer section; `edited`: names that the route's edits decide about. */
export function mayTrail(name: string, edited: ReadonlySet<string> | undefined): boolean {
  const read = variableName(name.toLowerCase())
  if (REFUSED.has(read) || edited?.has(read) === true) return false
  if (read.startsWith('content-')) return OF_THE_CONTENT.has(read)
  return !REFUSED_PREFIXES.some((prefix) => read.startsWith(prefix))
}

/** The names of a Trailer field that may come, ", "-separated. */
export function passableNames(field: string, edited: ReadonlySet<string> | undefined): string {
  return namesOf(field)
    .filter((name) => mayTrail(name, edited))
    .join(', ')
}

/** The lines of a trailer section that may go on. `announced`: the Trailer field, where only what it names may. */
export function passableTrailers(
  text: string,
  edited: ReadonlySet<string> | undefined,
  announced?: string
): string {
  if (text === '') return ''
  const named = announced === undefined ? undefined : new Set(namesOf(announced.toLowerCase()))
  return text
    .split('\r\n')
    .filter((line) => {
      const name = line.slice(0, line.indexOf(':'))
      return name !== '' && mayTrail(name, edited) && (named?.has(name.toLowerCase()) ?? true)
    })
    .map((line) => `${line}\r\n`)
    .join('')
}

function namesOf(field: string): string[] {
  return field
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
