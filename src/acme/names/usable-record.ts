import { checkCertificate, type CertificateFacts } from '../../net/tls/certificates/check-certificate.ts'
import type { NameRecord, OrderRecord } from '../storage/records.ts'

export interface UsableRecord {
  readonly record: NameRecord
  /** Facts about its certificate; undefined: it has none that TLS can use. */
  readonly facts: CertificateFacts | undefined
}

/** A stored record, without a damaged certificate. */
export function usableRecord(stored: NameRecord, now: number): UsableRecord {
  const { certificate, renewal: _, ...rest } = stored
  if (certificate === undefined) return { record: rest, facts: undefined }
  const { problems, facts } = checkCertificate(certificate.cert, certificate.key, now)
  if (facts === undefined || problems.some(({ kind }) => kind === 'unusable'))
    return { record: rest, facts: undefined }
  return { record: stored, facts }
}

/** The record of another process, merged with what this one knows. */
export function mergedRecord(stored: NameRecord, own: NameRecord): NameRecord {
  const same = stored.certificate?.cert === own.certificate?.cert
  // A failure that could not be stored still counts.
  const later = same && (own.failure?.at ?? 0) > (stored.failure?.at ?? 0)
  return {
    ...stored,
    ...(own.onDemand !== undefined && { onDemand: own.onDemand }),
    ...(later && { failure: own.failure! })
  }
}

export function withOrder(record: NameRecord, order: OrderRecord | undefined): NameRecord {
  const { order: _, ...rest } = record
  return order === undefined ? rest : { ...rest, order }
}
