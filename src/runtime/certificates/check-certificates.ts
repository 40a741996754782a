import { statSync } from 'node:fs'
import type { BackendTls, Config } from '../../config/model/model.ts'
import { errorAt, type Finding, type Path, warningAt } from '../../config/report/problem.ts'
import { daysLeft } from '../../net/tls/certificates/check-certificate.ts'
import {
  certificatePaths,
  listenerMaterial,
  readCertificates,
  TlsFileError
} from '../../net/tls/listener-tls.ts'
import { authorityDoubts, withoutList } from './authority-doubts.ts'
import { crlEnds } from '../../ocsp/crl-ends.ts'
import { whyNot } from '../../ocsp/staples.ts'
import { cipherDoubts } from '../../net/tls/certificates/cipher-doubts.ts'
import { dayOf } from '../../net/tls/certificates/words.ts'
import { leftOutOf, whyEmpty } from '../../net/tls/certificates/left-out.ts'
import { readUpstreamTls } from '../../net/tls/upstream-tls.ts'

export interface CertificateReport {
  /** Errors, each at the key that names the file. */
  readonly findings: readonly Finding[]
  /** One line per certificate: its names and its remaining validity. */
  readonly lines: readonly string[]
}

/** Opens every certificate, key and CA file of a configuration, for `lb check`. Changes nothing. */
export function checkCertificates(config: Config, now: number): CertificateReport {
  const findings: Finding[] = []
  const lines: string[] = []
  const found = (path: Path, run: () => void): void => {
    try {
      run()
    } catch (error) {
      const place = error instanceof TlsFileError ? error.place : []
      findings.push(errorAt([...path, ...place], (error as Error).message))
    }
  }
  const upstream = (path: Path, tls: BackendTls): void =>
    found(path, () => {
      const { ca } = readUpstreamTls(tls)
      for (const doubt of ca === undefined ? [] : authorityDoubts(ca, 'backends', now))
        findings.push(warningAt([...path, 'ca'], `${tls.ca}: ${doubt}`))
    })
  for (const [index, { name, tls }] of config.listeners.entries()) {
    if (tls === undefined) continue
    const path = ['listeners', index, 'tls']
    found(path, () => {
      let unread = 0
      const read = readCertificates(tls, now, (error) => {
        unread++
        found(path, () => {
          throw error
        })
      })
      if (read.length + unread === 0 && tls.certificateFolder !== undefined)
        throw new TlsFileError(
          ['certificates', 'dir'],
          tls.certificateFolder,
          whyEmpty(tls.certificateFolder)
        )
      if (tls.certificateFolder !== undefined) {
        const pairs = certificatePaths(tls)
        for (const each of leftOutOf(tls.certificateFolder, pairs))
          findings.push(warningAt([...path, 'certificates', 'dir'], each))
      }
      for (const { paths, place, pair, checked } of read) {
        // For a folder, all problems are reported at its own key.
        const at = (file: 'cert' | 'key'): Path => [
          ...path,
          ...place,
          ...(place.at(-1) === 'dir' ? [] : [file])
        ]
        const unstapled = whyNot(pair.cert, tls.ocsp)
        if (unstapled !== undefined) {
          findings.push(warningAt(at('cert'), `${paths.cert}: no OCSP response can be stapled: ${unstapled}`))
        }
        for (const { file, message } of checked.problems) {
          findings.push(errorAt(at(file), `${paths[file]}: ${message}`))
        }
        for (const doubt of checked.doubts) findings.push(warningAt(at('cert'), `${paths.cert}: ${doubt}`))
        if (isOpen(paths.key) && /PRIVATE KEY-----/.test(pair.key)) {
          findings.push(
            warningAt(at('key'), `${paths.key} can be read by every user; it holds a private key: chmod 640`)
          )
        }
        if (checked.facts === undefined) continue
        const days = daysLeft(checked.facts, now)
        const names = checked.facts.names.slice(0, 5).join(', ') || 'no names'
        if (days >= 0) lines.push(`listener ${name}: ${paths.cert}: ${days} days left (${names})`)
      }
    })
    found(path, () => {
      const { ca, crl } = listenerMaterial(tls, []).clientAuth ?? {}
      if (ca !== undefined) {
        for (const doubt of authorityDoubts(ca, 'clients', now))
          findings.push(warningAt([...path, 'clientAuth', 'ca'], `${tls.clientAuth!.ca}: ${doubt}`))
      }
      if (tls.ciphers !== undefined) {
        for (const doubt of cipherDoubts(tls.ciphers)) findings.push(warningAt([...path, 'ciphers'], doubt))
      }
      const faults = crl === undefined ? [] : [...outdatedList(crl, now), ...withoutList(ca!, crl)]
      for (const fault of faults)
        findings.push(errorAt([...path, 'clientAuth', 'crl'], `${tls.clientAuth!.crl!}: ${fault}`))
    })
  }
  for (const { name, tls } of Object.values(config.pools)) {
    if (tls !== undefined) upstream(['pools', name, 'tls'], tls)
  }
  if (config.redis?.tls !== undefined) upstream(['redis', 'tls'], config.redis.tls)
  return { findings, lines }
}

function outdatedList(pem: string, now: number): string[] {
  try {
    const ends = crlEnds(pem)
    if (ends === undefined || ends > now) return []
    return [
      `the revocation list ended on ${dayOf(ends)}: every client will be refused; get the next one from the authority`
    ]
  } catch (error) {
    return [(error as Error).message]
  }
}

/** By users other than the owner and its group. */
function isOpen(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return process.platform !== 'win32' && stat !== undefined && (stat.mode & 0o004) !== 0
}
