/** Variables of other proxies for values that `lb` sends in fields itself. */
const CLIENT =
  /remote_addr|remote_host|remote\.host|realip|client_?ip|\bsrc\b|clientip|x_forwarded_for|x-forwarded-for|remoteaddr/i
const SCHEME = /scheme|ssl_fc|x_forwarded_proto|x-forwarded-proto|proto/i
const HOST = /host/i

/**
 * Why a field's value would not do what its writer means: values are sent unchanged. Undefined for an ordinary value,
 * and for the placeholders of header edits (docs/headers.md).
 */
export function foreignFieldValue(value: string): string | undefined {
  const variable =
    /\$[a-z_]{3,40}\b/.exec(value)?.[0] ??
    /%\[[^\]]{1,80}\]?/.exec(value)?.[0] ??
    /\{\{[^}]{1,80}\}\}?/.exec(value)?.[0] ??
    /%\{[^}]{1,80}\}[a-z]?/i.exec(value)?.[0] ??
    /^\{(?!(?:client_?ip|request_?id|host|scheme|identity|tls\.(?:version|serverName|subject)|cert\.(?:subject|issuer|serial|fingerprint))\})[a-z][a-z0-9_.>:/-]{1,80}\}$/i.exec(
      value
    )?.[0]
  if (variable === undefined) return undefined
  return `values are sent as they are written, and "${variable}" is no variable here; ${instead(variable)}`
}

function instead(variable: string): string {
  if (CLIENT.test(variable))
    return "lb itself sends the client's address in X-Forwarded-For and Forwarded: take it out"
  if (SCHEME.test(variable))
    return 'lb itself sends the scheme in X-Forwarded-Proto and Forwarded: take it out'
  if (HOST.test(variable))
    return 'lb itself forwards Host as it came, and sends X-Forwarded-Host: take it out'
  return 'write the value itself (${NAME} is taken from the environment)'
}

/** How to write a redirect's target from another proxy here; undefined where nothing is foreign. */
export function foreignTarget(value: string): string | undefined {
  const translated = value
    .replaceAll('$request_uri', '{path}{query}')
    .replaceAll('$is_args$args', '{query}')
    .replaceAll(/\$(?:http_host|host|server_name)\b/g, '{host}')
    .replaceAll(/\$(?:uri|document_uri)\b/g, '{path}')
    .replaceAll(/\$(?:args|query_string)\b/g, '{query}')
    .replaceAll(/\$scheme\b/g, 'https')
    .replaceAll('{uri}', '{path}{query}')
    .replaceAll(/\{http\.request\.uri\}/g, '{path}{query}')
    .replaceAll(/\{(?:http\.request\.)?host(?:port)?\}/g, '{host}')
    .replaceAll('{?query}', '{query}')
    .replaceAll('?{query}', '{query}')
    .replaceAll(/%\[(?:req\.)?(?:fhdr|hdr)\(host\)[^\]]*\]/gi, '{host}')
    .replaceAll(/%\[(?:capture\.req\.uri|url|pathq)[^\]]*\]/gi, '{path}{query}')
    .replaceAll(/%\[path[^\]]*\]/gi, '{path}')
    .replaceAll(/\{(?:request_uri|http\.request\.orig_uri)\}/g, '{path}{query}')
    .replaceAll(/\{(?:re(?:gex)?(?:p)?\.)?(?:\w+\.)?([1-9])\}/g, '$$$1')
    .replaceAll(/\\([1-9])/g, '$$$1')
    .replaceAll('%{HTTP_HOST}', '{host}')
    .replaceAll('%{REQUEST_URI}', '{path}{query}')
  if (translated !== value && !/[$%]\{?\[?[a-z]/i.test(translated))
    return `"${value}" is written "${translated}" here; the placeholders are {path}, {query} and {host}`
  const variable = /\$[a-z_]{3,40}\b|%\[[^\]]*\]?|%\{[^}]*\}?/i.exec(value)?.[0]
  if (variable === undefined) return undefined
  return `"${variable}" is no placeholder; there are {path}, {query} (with its "?") and {host}`
}

/** An expression that no path matches: with marks of nginx's, or a whole URL. */
export function foreignPathRegex(value: string): string | undefined {
  const tilde = /^~(\*?)\s*(\S.*)$/.exec(value)
  if (tilde !== null)
    return `write the expression alone: ${JSON.stringify(tilde[2])}${tilde[1] === '' ? '' : '; there are no flags: write [Aa] for either case'}`
  const url = /^\^?https?\??:\/\/[^/]*(\/.*)?$/.exec(value.replaceAll('\\/', '/'))
  if (url !== null)
    return `it is compared with the path alone, which begins with a slash: "^${url[1] ?? '/'}"; the name goes to \`host\``
  return /^\^[\w-]/.test(value)
    ? `a path begins with a slash: did you mean "^/${value.slice(1)}"?`
    : undefined
}

/** A whole request line, of which the path is one part. */
export function requestLine(value: string, methodKey: string): string | undefined {
  const [, method, path] = /^([A-Z]{3,10})\s+(\/\S*)(?:\s+HTTP\/[\d.]+.*)?$/.exec(value) ?? []
  return path === undefined
    ? undefined
    : `write the path alone: "${path}"; the method goes to \`${methodKey.replace('@', method!)}\``
}

/** A path with wildcards, parameters or expressions of other routers, and the key that does what is meant. */
export function foreignPath(value: string): string | undefined {
  const line = requestLine(value, 'methods: [@]')
  if (line !== undefined) return line
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/]*)(\/.*)?$/i.exec(value)
  if (url !== null)
    return `write the path alone, "${url[2] ?? '/'}", and the name beside it: \`host: ${url[1]!.replace(/:\d+$/, '')}\``
  if (value.endsWith('*') && !/[*:{(^$~]/.test(value.replace(/\/?\*+$/, ''))) {
    const prefix = value.replace(/\*+$/, '')
    return prefix === '/'
      ? 'every path begins with a slash: leave the key out'
      : `paths are compared letter by letter; did you mean \`pathPrefix: ${prefix.replace(/(.)\/$/, '$1')}\`?`
  }
  if (/^\^~\s*\//.test(value)) return `write the path alone: "${value.replace(/^\^~\s*/, '')}"`
  const variable = /\$[a-z_]{2,40}\b|\{(?:http\.request\.)?(?:uri|path|query)\}|%\[[^\]]*\]/i.exec(value)?.[0]
  if (variable !== undefined)
    return `a path has no variables; what is behind a prefix stays: write "${value.slice(0, value.indexOf(variable)).replace(/(.)\/$/, '$1') || '/'}"`
  const expression = value.replace(/^[~=*]+\s*\*?\s*/, '')
  if (/^~|^\^|\$$|\(\.\*\)|\.\*|\[[^\]]+\][+*]/.test(value)) {
    // nginx looks for what is behind a tilde anywhere.
    const anchored = expression.startsWith('^') || value.startsWith('~') ? expression : `^${expression}`
    return `this looks like a regular expression; did you mean \`pathRegex: "${anchored}"\`?`
  }
  if (/^=\s*\//.test(value)) return `write the path alone: "${expression}"`
  if (/\/(?::[a-z_]\w*|\{[^}/]*\}|<[^>/]*>)(?=\/|$)/i.test(value)) {
    const regex = value
      .replace(/\/(?::[a-z_]\w*|\{[^}/]*\}|<[^>/]*>)(?=\/|$)/gi, '/[^/]+')
      .replaceAll('.', '\\.')
    return `paths have no parameters here; did you mean \`pathRegex: "^${regex}$"\`?`
  }
  if (value.includes('*')) {
    const regex = value
      .replaceAll('.', '\\.')
      .replaceAll(/\*+/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'))
    return `paths are compared letter by letter; did you mean \`pathRegex: "^${regex}$"\`?`
  }
  return undefined
}

/** A host in the form of other proxies: a catch-all, for which `anyHost` says what to do, a URL, an expression. */
export function foreignHost(value: string, anyHost: string): string | undefined {
  if (['*', '_', 'default', 'default_server', 'any', 'all', '""', '0.0.0.0'].includes(value))
    return `"${value}" is any host; ${anyHost}`
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/:]+)/i.exec(value)
  if (url !== null) return `write the host without scheme and path: "${url[1]!}"`
  if (/^[^/]+\/./.test(value))
    return `write the host alone: "${value.replace(/\/.*$/, '')}"; the path goes to \`pathPrefix\``
  if (/^[^/]+\/$/.test(value)) return `write the host without the slash: "${value.slice(0, -1)}"`
  if (/^\.[a-z0-9]/i.test(value))
    return `for the names below it write "*${value}"; and "${value.slice(1)}" for the name itself`
  const rule = /^Host(?:SNI|Regexp)?\(`([^`]+)`\)$/.exec(value)
  if (rule !== null)
    return rule[1] === '*' ? `that is any host; ${anyHost}` : `write the host alone: "${rule[1]}"`
  if (/^~|[\\^$()|+]/.test(value))
    return 'hosts are no regular expressions: a list of names, each of which may begin with "*."'
  if (/\.$/.test(value)) return `write the host without the dot at its end: "${value.slice(0, -1)}"`
  return undefined
}
