import type { HeaderEdits } from '../../config/model.ts'

/** Fields that the engine makes itself: editing them would let two servers read one message differently. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
])

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
/** RFC 9110 §5.5 without obs-text: what an operator writes is ASCII. */
const VALUE = /^[\x20-\x7e\t]{0,4096}$/

/**
 * What is wrong with an edit of one field, for the config's error messages; undefined when it may be done. `value`
 * is undefined for `remove`. Host can be set for a request (it then goes to the backend), not added or removed.
 */
export function headerEditError(
  edit: keyof HeaderEdits,
  side: 'request' | 'response',
  name: string,
  value?: string
): string | undefined {
  if (!TOKEN.test(name)) return `${JSON.stringify(name)} is no field name`
  const lower = name.toLowerCase()
  if (FRAMING.has(lower))
    return `${name} decides where messages end, or how connections live: lb makes it itself`
  if (lower === 'host' && side === 'request' && edit !== 'set')
    return `a request has exactly one Host: use "set"`
  if (value === undefined) return undefined
  if (!VALUE.test(value))
    return `the value of ${name} holds control characters, letters beyond ASCII, or over 4,096 of them`
  const unknown = /\{(?!(?:client_ip|request_id|host|scheme)\})[a-z_]+\}/.exec(value)
  if (unknown !== null)
    return `${unknown[0]} is no placeholder: there are {client_ip}, {request_id}, {host} and {scheme}`
  return undefined
}
