import { isMap, type Raw, type RawMap } from '../raw.ts'

/** What to write for a value of a wrong form, whatever the key. */
export function cureByForm(expected: string, value: Raw | undefined): string | undefined {
  return (
    endCure(value) ??
    roundCure(expected, value) ??
    pairsCure(expected, value) ??
    assignmentCure(expected, value) ??
    emptyCure(expected, value) ??
    inlineCure(expected, value)
  )
}

/** `true,` and `l7;`: the end of a line in JSON and in other programs' files. */
function endCure(value: Raw | undefined): string | undefined {
  const bare = typeof value === 'string' ? /^([\w.:/-]+)\s*([,;])$/.exec(value) : null
  return bare === null ? undefined : `no "${bare[2]!}" ends a value in YAML: write ${bare[1]!}`
}

/** `headers: [X-A]`: names without their values. */
export function namesCure(value: Raw | undefined): string | undefined {
  const pair = typeof value === 'string' ? /^([\w-]+)(?::\s*(.+))?$/.exec(value) : null
  if (pair !== null) return `did you mean { ${pair[1]!}: ${pair[2] ?? 'VALUE'} }?`
  if (!Array.isArray(value)) return undefined
  const [first] = value as readonly Raw[]
  const pairs = (value as readonly Raw[]).flatMap((item) => (isMap(item) ? Object.entries(item) : []))
  if (pairs.length > 0 && pairs.length === value.length && pairs.every(([, each]) => isScalar(each)))
    return `did you mean { ${pairs
      .slice(0, 3)
      .map(([key, each]) => `${key}: ${typeof each === 'string' ? each : JSON.stringify(each)}`)
      .join(', ')} }?`
  if (typeof first === 'string' && /\.[mc]?[tj]s$/.test(first))
    return 'files belong under the top-level `plugins`; here each has its settings: { NAME: VALUE }'
  if (typeof first === 'number') return `each has a value: { ${first}: VALUE }`
  const name = typeof first === 'string' && /^[\w-]+$/.test(first) ? first : 'NAME'
  return `each has a value: { ${name}: VALUE }`
}

/** `bind = ":80"`, as in TOML and other formats. */
function assignmentCure(expected: string, value: Raw | undefined): string | undefined {
  const key = typeof value === 'string' ? /^([A-Za-z]\w*)\s*(?::=|=)/.exec(value)?.[1] : undefined
  return key !== undefined && expected.includes('mapping')
    ? `a colon separates key and value: "${key}: …"`
    : undefined
}

/** `query: a=b`. */
function pairsCure(expected: string, value: Raw | undefined): string | undefined {
  const pair = typeof value === 'string' ? /^\??([\w.-]+)=([^=\s]*)$/.exec(value) : null
  return pair !== null && expected === 'a mapping of names'
    ? `did you mean { ${pair[1]}: ${pair[2] === '' ? 'VALUE' : `"${pair[2]}"`} }?`
    : undefined
}

/** `(a, b)`, and what came out of a shell's `$(…)`. */
function roundCure(expected: string, value: Raw | undefined): string | undefined {
  if (typeof value !== 'string') return undefined
  if (/^\$\([\w]+\)$/.test(value)) return `from the environment it is "\${${value.slice(2, -1)}}"`
  return /^\(.*\)$/.test(value) && expected.includes('list')
    ? 'a list stands in square brackets: [a, b]'
    : undefined
}

/** `Server: null`, `X-A: ~`, and `host: &example.com`, which to YAML is the name of an anchor. */
function emptyCure(expected: string, value: Raw | undefined): string | undefined {
  if (value !== null) return undefined
  if (expected === 'a mapping such as { type: http, path: /healthz }')
    return 'leave the key out for no probes'
  if (expected === 'the text of a field') return 'to remove a field name it under `remove`; empty text is ""'
  if (/mapping|list/.test(expected))
    return 'what belongs to it stands below, further in; else take the key out'
  return /name|path|address|text|host/.test(expected)
    ? 'a text that begins with "&" or "#" needs quotes'
    : undefined
}

/** A mapping or a list where a single value is expected, or a list where one mapping is. */
function inlineCure(expected: string, value: Raw | undefined): string | undefined {
  if (expected === 'the name of a pool' && isMap(value))
    return 'define it under `pools:`, and write its name here'
  if (expected === 'the name of a pool' && Array.isArray(value))
    return 'a route spreads over several: `split: [{ pool: web, weight: 90 }, { pool: canary, weight: 10 }]`'
  if (Array.isArray(value) && expected === 'a path such as /api/')
    return 'it is one path; several in a `match` are `any: [{ path: /a }, { path: /b }]`'
  if (Array.isArray(value) && value.length > 0 && expected.startsWith('a mapping such as { host: …, path'))
    return 'one of several is { any: [{ path: /a }, { path: /b }] }'
  if (Array.isArray(value) && expected.startsWith('cipher suites'))
    return 'it is one text, with colons between the names'
  if (Array.isArray(value) && !/list|mapping of names/.test(expected))
    return expected.startsWith('a mapping')
      ? 'write a single one, without dashes and brackets'
      : 'write a single value, without dashes and brackets'
  if (isMap(value) && expected === 'a path such as /api/')
    return 'it is a text; the kinds are keys of their own: `path`, `pathPrefix` and `pathRegex`'
  if (isMap(value) && expected.startsWith('a host name such as example.com or'))
    return 'it is a text; of expressions there is "*." at its beginning only'
  return isMap(value) && !expected.includes('mapping') ? oneValueCure(expected, value) : undefined
}

/** Keys under which the value itself is written one level too deep: `dns: { name: example.com, type: srv }`. */
const ITSELF =
  /^(?:name|names|value|path|paths|file|filename|url|uri|host|hosts|hostname|address|addr|addresses|domain|domains|service|servicename|exact|kind|mode|level|format)$/i

function oneValueCure(expected: string, value: RawMap): string {
  const socket = value['socket_address']
  // Envoy's.
  if (isMap(socket) && isScalar(socket['address']) && isScalar(socket['port_value']))
    return `it is one value: write ${JSON.stringify(`${socket['address']}:${socket['port_value']}`)} behind the colon`
  const keys = Object.keys(value)
  // `remove: { Server: true }`, a list as other programs write it.
  if (
    !/true|false/.test(expected) &&
    keys.length > 0 &&
    keys.every((key) => value[key] === true || value[key] === null || value[key] === '')
  )
    return `write the names without values: [${keys.slice(0, 4).join(', ')}]`
  const itself = keys.find((key) => ITSELF.test(key) && isScalar(value[key]))
  if (itself === undefined) return 'it is one value, without keys below it'
  const others = keys.filter((key) => key !== itself).map((key) => `\`${key}\``)
  // The group of `user` is that of the user.
  const beside =
    others.length === 0 || expected.startsWith('the name of a user')
      ? ''
      : `, and ${others.slice(0, 3).join(', ')} beside it`
  return `it is one value: write ${JSON.stringify(value[itself])} behind the colon${beside}`
}

function isScalar(value: Raw | undefined): boolean {
  return (typeof value === 'string' && value.length <= 200) || typeof value === 'number'
}
