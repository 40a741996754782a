/** Replaces a secret. */
export const MASK = '***'

const secretKeys = /(?<!max)token|passw|secret|credential|private/i
const secretHeaders =
  /^(authorization|proxy-authorization|cookie|set-cookie|.*(key|token|secret|auth|passw|signature|session).*)$/i
/** Query parameters that carry credentials. */
const secretParameters = /key|token|secret|auth|pass|pw|sig|code|session|jwt/i
const secretCookies = /sess|sid\b|token|auth|key|secret|jwt|login/i
/** Below these a body is what clients get; a plan names what a route does without `action`. */
const bodies = new Set(['respond', 'action', 'errorPages', 'routes'])
/** Keys with URLs that lb itself asks: the operator puts into their queries what the other side wants for a password. */
const askedUrls = new Set(['jwks', 'url', 'http', 'issuer', 'ask'])

/**
 * Whether a text at this path of the configuration (names of keys only, as written or as built) is a secret: values
 * under keys that name one, all values of `apiKeys.keys` and `users`, `eab.key`, what probes send, headers, query
 * parameters and cookies with credentials (also in `match`), and bodies of `respond`.
 */
export function isSecretPath(path: readonly string[]): boolean {
  const key = path.at(-1) ?? ''
  if (secretKeys.test(key)) return true
  if (path.includes('apiKeys') && path.includes('keys')) return true
  // A probe may send a login: "AUTH password" to Redis.
  if (key === 'send' && path.includes('health')) return true
  // A body may be a secret for some clients.
  if (key === 'body' && path.some((part) => bodies.has(part))) return true
  if (path.includes('query') && path.includes('match')) return secretParameters.test(key)
  if (path.includes('cookies') && path.includes('match')) return secretCookies.test(key)
  if (key === 'key' && path.includes('eab')) return true
  if (key === 'users' || path.at(-2) === 'users') return true
  return path.some((part) => part.toLowerCase().includes('headers')) && secretHeaders.test(key)
}

export function isAskedUrl(key: string): boolean {
  return askedUrls.has(key)
}

/** The secrets within a text at this path that is none as a whole: passwords of URLs, and the queries of those that lb asks. */
export function secretsWithin(path: readonly string[], text: string): string[] {
  const found = [...text.matchAll(/\b[a-z][a-z0-9+.-]{0,20}:\/{0,2}[^\s/@:?#]*:([^\s/@]+)@/gi)]
  if (isAskedUrl(path.at(-1) ?? '')) found.push(...text.matchAll(/[?&][^=&#\s]*=([^&#\s]+)/g))
  return found.map(([, secret]) => secret!)
}

/** A text at this path without the passwords of URLs in it. */
export function withoutUrlSecrets(path: readonly string[], text: string): string {
  return isAskedUrl(path.at(-1) ?? '') ? maskedUrl(text) : maskedUrls(text)
}

/** A URL that lb asks, for logs and the API: without password, and without the values of its query. */
export function maskedUrl(url: string): string {
  return maskedUrls(url).replace(/([?&][^=&#\s]*=)[^&#\s]+/g, `$1${MASK}`)
}

/** Keeps everything of `redis://user:password@host?token=x` except password and token; other text stays. */
function maskedUrls(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]{0,20}:\/{0,2}[^\s/@:?#]*):[^\s/@]+@/gi, `$1:${MASK}@`)
    .replace(/([?&][^=&#\s]*(?:key|token|secret|passw|sig)[^=&#\s]*=)[^&#\s"]+/gi, `$1${MASK}`)
}
