import type { CacheResponse, HeaderView } from '../ports.ts'
import type { Directives } from './cache-control.ts'

/** RFC 9111 §3.1: hop-by-hop fields. Age is computed for each use; Trailer goes with the trailers. */
const neverStored = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'content-length',
  'age',
  'warning'
])

/** RFC 9111 §3.2: a response without a body does not change the fields that describe the stored body. */
const neverUpdated = new Set(['content-encoding', 'content-range', 'content-length'])

/**
 * The fields as they are stored and sent again: `name: value\r\n` for each line, in the order and case received.
 * Content-Length is left out, since the framing is made anew, and so are the fields that the directives name.
 */
export function storedFields(response: CacheResponse, directives: Directives): string {
  const { headers } = response
  const left = fieldsLeftOut(response, directives)
  let block = ''
  headers.forEach((name, value) => {
    const lower = name.toLowerCase()
    if (!neverStored.has(lower) && !left.has(lower)) block += `${name}: ${value}\r\n`
  })
  return block
}

/** The stored fields after a 304 or a HEAD brought new ones (RFC 9111 §3.2): a new name replaces all its old lines. */
export function updatedFields(block: string, response: CacheResponse, directives: Directives): string {
  const { headers } = response
  const left = fieldsLeftOut(response, directives)
  const replaced = new Set<string>()
  let added = ''
  headers.forEach((name, value) => {
    const lower = name.toLowerCase()
    if (neverStored.has(lower) || neverUpdated.has(lower) || left.has(lower)) return
    replaced.add(lower)
    added += `${name}: ${value}\r\n`
  })
  let kept = ''
  eachField(block, (name, value) => {
    const lower = name.toLowerCase()
    if (!replaced.has(lower) && !left.has(lower)) kept += `${name}: ${value}\r\n`
  })
  return kept + added
}

/** The lines of the response with these names, to be sent on, without hop-by-hop fields. */
export function fieldsFor(response: CacheResponse, names: readonly string[]): string {
  let lines = ''
  if (names.length === 0) return lines
  const connection = connectionNames(response)
  response.headers.forEach((name, value) => {
    const lower = name.toLowerCase()
    if (names.includes(lower) && !neverStored.has(lower) && !connection.includes(lower))
      lines += `${name}: ${value}\r\n`
  })
  return lines
}

/** The block without the lines of one name (lower case). */
export function without(block: string, unwanted: string): string {
  let text = ''
  eachField(block, (name, value) => {
    if (name.toLowerCase() !== unwanted) text += `${name}: ${value}\r\n`
  })
  return text
}

export function eachField(block: string, visit: (name: string, value: string) => void): void {
  let at = 0
  while (at < block.length) {
    const end = block.indexOf('\r\n', at)
    const colon = block.indexOf(': ', at)
    if (end < 0 || colon < 0) return
    visit(block.slice(at, colon), block.slice(colon + 2, end))
    at = end + 2
  }
}

/** A stored block as a HeaderView, for policies that compare stored with received fields. */
export class FieldBlock implements HeaderView {
  readonly #block: string

  constructor(block: string) {
    this.#block = block
  }

  get(name: string): string | undefined {
    let joined: string | undefined
    eachField(this.#block, (field, value) => {
      if (field.toLowerCase() === name) joined = joined === undefined ? value : `${joined}, ${value}`
    })
    return joined
  }

  forEach(visit: (name: string, value: string) => void): void {
    eachField(this.#block, visit)
  }
}

function fieldsLeftOut(response: CacheResponse, directives: Directives): ReadonlySet<string> {
  return new Set([...directives.noCacheFields, ...directives.privateFields, ...connectionNames(response)])
}

/** RFC 9110 §7.6.1: the fields that Connection lists are hop-by-hop too. */
function connectionNames(response: CacheResponse): readonly string[] {
  const listed = `${response.headers.get('connection') ?? ''},${response.connectionNames ?? ''}`
  return listed
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
}
