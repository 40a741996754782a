/** Authorities that have a short name, and their directories. */
const known = new Map([
  ['letsencrypt', 'https://acme-v02.api.letsencrypt.org/directory'],
  ['letsencrypt-staging', 'https://acme-staging-v02.api.letsencrypt.org/directory'],
  ['zerossl', 'https://acme.zerossl.com/v2/DV90'],
  ['google', 'https://dv.acme-v02.api.pki.goog/directory']
])

/** Authorities whose certificates everybody trusts: they sign no private names, and connect to ports 80 and 443. */
export function isPublicAuthority(written: string): boolean {
  const url = authorityUrl(written)
  return url !== undefined && [...known.values()].includes(url)
}

/** Those that know nobody without an account of theirs (external account binding). */
export function wantsBinding(written: string): boolean {
  return /zerossl\.com|pki\.goog/.test(authorityUrl(written) ?? '')
}

/** The directory of a short name, or an HTTPS URL unchanged; undefined for anything else. */
export function authorityUrl(written: string): string | undefined {
  const url = known.get(written)
  if (url !== undefined) return url
  return /^https:\/\//.test(written) && URL.canParse(written) ? written : undefined
}
