import type { ListenerTls } from '../../../config/model/model.ts'
import type { Logger } from '../../../core/log/log.ts'
import {
  certificatePaths,
  readCertificate,
  type CertificatePair,
  type ReadCertificate
} from '../../../net/tls/listener-tls.ts'
import type { HeldCertificate } from '../../certificates/certificate-watch.ts'

/** A certificate that will be in force. */
export interface Made {
  readonly pair: CertificatePair
  readonly place: readonly (string | number)[]
  readonly held: Omit<HeldCertificate, 'cert' | 'ocsp'>
}

export function madeOf(listener: string, { paths, pair, place, checked }: ReadCertificate): Made {
  return { pair, place, held: { listener, file: paths.cert, keyFile: paths.key, checked } }
}

/**
 * The certificates of a folder. One that is invalid must not prevent the renewal of a hundred others: its last valid
 * version stays, or it is left out when there was none.
 */
export class FolderCertificates {
  readonly #log: Logger
  /** Listener → file → last valid version. */
  readonly #right = new Map<string, ReadonlyMap<string, Made>>()
  /** File → last message about it. */
  readonly #reported = new Map<string, string>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** `look` throws when a certificate must not be used. Throws the first error when no certificate is left. */
  read(listener: string, tls: ListenerTls, now: number, look: (made: Made) => void): readonly Made[] {
    const before = this.#right.get(listener)
    const right = new Map<string, Made>()
    const faults: Error[] = []
    for (const paths of certificatePaths(tls)) {
      const file = paths.cert
      const kept = before?.get(file)
      try {
        const made = madeOf(listener, readCertificate(tls, paths, now)!)
        look(made)
        right.set(file, made)
        if (this.#reported.delete(file)) this.#log.info({ listener, file }, `certificate ${file}: in use now`)
      } catch (error) {
        faults.push(error as Error)
        if (kept !== undefined) right.set(file, kept)
        this.#tell(listener, file, error as Error, kept !== undefined)
      }
    }
    if (right.size === 0 && faults.length > 0) throw faults[0]!
    this.#right.set(listener, right)
    return [...right.values()]
  }

  #tell(listener: string, file: string, { message }: Error, kept: boolean): void {
    if (this.#reported.get(file) === message) return
    this.#reported.set(file, message)
    const rest = kept ? 'the one before stays in use' : 'it is left out'
    this.#log.error({ listener, file }, `certificate ${message}; ${rest}`)
  }
}
