/** Why a value of `headers`, `query` or `cookies` would not match what its writer means: values are compared whole. */
export function foreignMatch(value: string): string | undefined {
  if (value === '*') return undefined
  const tilde = /^(~\*?|!~\*?|!)\s*(\S.*)$/.exec(value)
  if (tilde !== null) return tildeCure(tilde[1]!, tilde[2]!)
  const literal = /^\/(.+)\/([gimsuy]*)$/.exec(value)
  if (literal !== null && (literal[2] !== '' || /[\\^$()|+*[]/.test(literal[1]!)))
    return expression(literal[1]!, literal[2]!.includes('i'))
  if (/^\^|^\(.*\)$|[^\\]\$$|\.\*|\\[dwsDWS.]|^\[[^\]]+\][+*]/.test(value)) return expression(value, false)
  // A media type may have an asterisk: `*/*`, `text/*;q=0.8`.
  if (!value.includes('*') || value.includes('/*')) return undefined
  const escaped = value.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
  const open = escaped.replace(/^\*+/, '').replace(/\*+$/, '').replaceAll(/\*+/g, '.*')
  return expression(`${value.startsWith('*') ? '' : '^'}${open}${value.endsWith('*') ? '' : '$'}`, false)
}

function tildeCure(mark: string, rest: string): string {
  if (!mark.startsWith('!')) return expression(rest, mark.includes('*'))
  return `values are compared letter by letter; what must not be goes under \`not\`, beside \`headers\`${mark === '!' ? '' : ', as { regex: … }'}`
}

function expression(regex: string, anyCase: boolean): string {
  const note = anyCase ? '; there are no flags: write [Aa] for either case' : ''
  return `values are compared letter by letter; did you mean { regex: ${JSON.stringify(regex)} }?${note}`
}

const RULE = /(Host|HostSNI|PathPrefix|Path|PathRegexp|Method|Header|ClientIP)\(([^)]*)\)/g
const KEYS = new Map([
  ['Host', 'host'],
  ['PathPrefix', 'pathPrefix'],
  ['Path', 'path'],
  ['PathRegexp', 'pathRegex'],
  ['Method', 'methods'],
  ['ClientIP', 'clientIp']
])

/** The mapping that a rule of Traefik's, a path or a host in place of `match` means. */
export function matchMeant(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (/^[A-Z]\w+\(/.test(value) && !/\|\||!/.test(value)) {
    const parts = [...value.matchAll(RULE)].map(([, name, given]) => part(name!, given!))
    if (parts.length > 0) return `did you mean { ${parts.join(', ')} }?`
  }
  if (/\(|\s/.test(value)) return 'write each condition as a key: { host: …, pathPrefix: … }; all must hold'
  return value.startsWith('/') ? 'did you mean { pathPrefix: "@" }?' : 'did you mean { host: "@" }?'
}

function part(name: string, given: string): string {
  const words = given.split(/[,\s]+/).map((each) => each.replaceAll(/[`"']/g, ''))
  if (name === 'Header') return `headers: { ${words[0]}: ${JSON.stringify(words[1] ?? '*')} }`
  return `${KEYS.get(name) ?? 'host'}: ${words.length > 1 ? `[${words.join(', ')}]` : words[0]}`
}
