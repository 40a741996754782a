import type { CertificateView, StapleView } from '../../admin/control-plane.ts'

const MAX_LINES = 20

/** ACME names, those with problems first. `all`: however many they are. */
export function certificateLines(certificates: readonly CertificateView[], all = false): string[] {
  if (certificates.length === 0) return []
  const rank = ({ state, failures }: CertificateView) =>
    ['failed', 'waiting', 'ordering', 'renewing', 'valid'].indexOf(state) - (failures > 0 ? 5 : 0)
  const sorted = certificates.toSorted((a, b) => rank(a) - rank(b) || endOf(a) - endOf(b))
  const lines = sorted.slice(0, all ? Infinity : MAX_LINES).map(({ name, text }) => `${name}: ${text}`)
  const more = sorted.length - lines.length
  return ['', ...lines, ...(more > 0 ? [`… and ${more} more certificates (lb status --all)`] : [])]
}

/** When its certificate expires; the next one comes first. */
function endOf({ notAfter }: CertificateView): number {
  return notAfter === undefined ? 0 : Date.parse(notAfter)
}

/** Certificates with a problem in OCSP stapling; the others are in the metrics and the API. */
export function stapleLines(staples: readonly StapleView[], all = false): string[] {
  const most = all ? Infinity : MAX_LINES
  const wrong = staples.filter(({ state }) => state !== 'good')
  const lines = wrong.slice(0, most).map(({ file, text }) => `${file}: ${text}`)
  const good = staples.length - wrong.length
  if (good > 0) lines.push(`OCSP responses are stapled to ${good} certificate${good === 1 ? '' : 's'}`)
  const more = wrong.length - Math.min(wrong.length, most)
  if (more > 0) lines.push(`… and ${more} more without a good OCSP response (lb status --all)`)
  return lines.length === 0 ? [] : ['', ...lines]
}
