import type { CertificateView, StapleView } from '../../admin/control-plane.ts'

const MAX_LINES = 20

/** ACME names, those with problems first. */
export function certificateLines(certificates: readonly CertificateView[]): string[] {
  if (certificates.length === 0) return []
  const rank = ({ state }: CertificateView) =>
    ['failed', 'waiting', 'ordering', 'renewing', 'valid'].indexOf(state)
  const sorted = certificates.toSorted((a, b) => rank(a) - rank(b))
  const lines = sorted.slice(0, MAX_LINES).map(({ name, text }) => `${name}: ${text}`)
  const more = sorted.length - lines.length
  return ['', ...lines, ...(more > 0 ? [`… and ${more} more certificates`] : [])]
}

/** Certificates with a problem in OCSP stapling; the others are in the metrics and the API. */
export function stapleLines(staples: readonly StapleView[]): string[] {
  const wrong = staples.filter(({ state }) => state !== 'good')
  const lines = wrong.slice(0, MAX_LINES).map(({ file, text }) => `${file}: ${text}`)
  const good = staples.length - wrong.length
  if (good > 0) lines.push(`OCSP responses are stapled to ${good} certificate${good === 1 ? '' : 's'}`)
  const more = wrong.length - Math.min(wrong.length, MAX_LINES)
  if (more > 0) lines.push(`… and ${more} more without a good OCSP response`)
  return lines.length === 0 ? [] : ['', ...lines]
}
