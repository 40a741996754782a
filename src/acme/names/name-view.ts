import type { CertificateFacts } from '../../net/tls/certificates/check-certificate.ts'
import type { NameRecord } from '../storage/records.ts'

export type NameState = 'valid' | 'renewing' | 'ordering' | 'waiting' | 'failed'

/** One name for operators. */
export interface NameView {
  readonly name: string
  readonly state: NameState
  /** The same in words: `authorised by tls-alpn-01, renews in 41 days`. */
  readonly text: string
  /** Host of the authority that signed the certificate in use. */
  readonly authority?: string
  /** ISO 8601. */
  readonly notAfter?: string
  readonly renewAt?: string
  readonly failures: number
  readonly reason?: string
  readonly nextTryAt?: string
}

const STEPS = {
  new: 'asks for an order',
  ordered: 'has an order',
  authorising: 'proves control of the name',
  authorised: 'has proved control of the name',
  finalised: 'waits for the certificate'
}

/** Pure. `busy`: an order is under way now; `elsewhere`: by another process. */
export function nameView(
  record: NameRecord,
  facts: CertificateFacts | undefined,
  busy: boolean,
  elsewhere: boolean,
  now: number
): NameView {
  const { name, certificate, renewal, failure, order } = record
  const has = certificate !== undefined && facts !== undefined && facts.notAfter > now
  const state: NameState = busy
    ? has
      ? 'renewing'
      : 'ordering'
    : failure !== undefined
      ? 'failed'
      : has
        ? 'valid'
        : 'waiting'
  const parts: string[] = []
  if (has) parts.push(`authorised by ${certificate.challenge}`)
  else if (facts !== undefined) parts.push('its certificate has expired')
  else parts.push('no certificate yet')
  if (busy) parts.push(order === undefined ? 'begins an order' : STEPS[order.step])
  else if (elsewhere) parts.push('another instance has it in hand')
  else if (failure !== undefined)
    parts.push(`failed (${failure.reason})`, `tries again ${inWords(failure.nextAt - now)}`)
  else if (renewal !== undefined) parts.push(`renews ${inWords(renewal.at - now)}`)
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    name,
    state,
    text: parts.join(', '),
    ...(certificate !== undefined && { authority: new URL(certificate.authority).host }),
    ...(facts !== undefined && { notAfter: iso(facts.notAfter) }),
    ...(renewal !== undefined && { renewAt: iso(renewal.at) }),
    failures: failure?.count ?? 0,
    ...(failure !== undefined && { reason: failure.reason, nextTryAt: iso(failure.nextAt) })
  }
}

function inWords(ms: number): string {
  if (ms <= 0) return 'now'
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1_000, 'second']
  ]
  const [size, unit] = units.find(([size]) => ms >= 2 * size) ?? units.at(-1)!
  const count = Math.max(Math.floor(ms / size), 1)
  return `in ${count} ${unit}${count === 1 ? '' : 's'}`
}
