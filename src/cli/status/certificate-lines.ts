import type { CertificateView } from '../../admin/control-plane.ts'

const MAX_LINES = 20

/** Names whose certificates are obtained, those that need somebody first. */
export function certificateLines(certificates: readonly CertificateView[]): string[] {
  if (certificates.length === 0) return []
  const rank = ({ state }: CertificateView) =>
    ['failed', 'waiting', 'ordering', 'renewing', 'valid'].indexOf(state)
  const sorted = certificates.toSorted((a, b) => rank(a) - rank(b))
  const lines = sorted.slice(0, MAX_LINES).map(({ name, text }) => `${name}: ${text}`)
  const more = sorted.length - lines.length
  return ['', ...lines, ...(more > 0 ? [`… and ${more} more certificates`] : [])]
}
