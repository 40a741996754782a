import type { Logger } from '../../../core/log/log.ts'
import { bareRecord } from '../../../core/own.ts'
import type { Config, ListenerTls } from '../../../config/model/model.ts'
import { pathText } from '../../../config/report/problem.ts'
import { checkCertificate } from '../../../net/tls/certificates/check-certificate.ts'
import { whyEmpty } from '../../../net/tls/certificates/left-out.ts'
import { selfSignedCertificate } from '../../../net/tls/certificates/make-certificate.ts'
import {
  certificatePaths,
  listenerMaterial,
  readCertificate,
  readClientAuth,
  TlsFileError,
  type CertificatePair,
  type ListenerTlsMaterial
} from '../../../net/tls/listener-tls.ts'
import { readUpstreamTls, type UpstreamTlsMaterial } from '../../../net/tls/upstream-tls.ts'
import { crlEnds } from '../../../ocsp/crl-ends.ts'
import type { Staples } from '../../../ocsp/staples.ts'
import type { Material } from '../../plane/plane-snapshot.ts'
import type { NamedPair, Obtained } from '../../certificates/acme-upkeep.ts'
import type { EarlyCertificates } from '../../certificates/early-certificates.ts'
import type { HeldCertificate } from '../../certificates/certificate-watch.ts'
import { StartError } from '../start-error.ts'
import { FolderCertificates, madeOf, type Made } from './folder-certificates.ts'
import { LastRight } from './last-right.ts'

/** The current content of a configuration's files. */
export interface ReadMaterial extends Material {
  /** Of all listeners, for the main thread. */
  readonly certificates: readonly HeldCertificate[]
}

/** The names in a self-signed certificate. */
const SELF_SIGNED_FOR = ['localhost', '*.localhost', '127.0.0.1', '::1']

export interface MaterialDeps {
  readonly obtained: Obtained
  readonly staples: Stapled
  readonly early: Pick<EarlyCertificates, 'refused' | 'later'>
  readonly log: Logger
}

/** Reads the certificate files that a configuration names. */
export class MaterialReader {
  /** Created once: a reload must not change the certificate that a developer has just accepted. */
  #selfSigned: CertificatePair | undefined
  readonly #obtained: Obtained
  readonly #staples: Stapled
  readonly #early: MaterialDeps['early']
  readonly #folders: FolderCertificates
  readonly #last: LastRight

  constructor({ obtained, staples, early, log }: MaterialDeps) {
    this.#obtained = obtained
    this.#staples = staples
    this.#early = early
    this.#folders = new FolderCertificates(log)
    this.#last = new LastRight(log, () => early.later())
  }

  /**
   * Rejects with a StartError that names the file and the setting. A certificate that is expired, not valid yet, or
   * whose chain is broken is refused if it would replace one of `before`, but not at the first start: a part of the
   * names is better than none. Unless `strict`, what a file held before stays in use while it is wrong.
   */
  async read(
    config: Config,
    before: readonly HeldCertificate[] | undefined,
    now: number,
    strict = true
  ): Promise<ReadMaterial> {
    // No prototype: a listener may be named `constructor`.
    const listeners = bareRecord<ListenerTlsMaterial>()
    const pools = bareRecord<UpstreamTlsMaterial>()
    const certificates: HeldCertificate[] = []
    await this.#obtained.prepare(config).catch((error: unknown) => {
      throw refusal(error, ['acme'], 'acme')
    })
    for (const [index, { name, tls }] of config.listeners.entries()) {
      if (tls === undefined) continue
      try {
        const read = tls.selfSigned
          ? [await this.#ownCertificate(name, now)]
          : this.#files(name, tls, now, strict, (each) => this.#refuse(each, before))
        const { pairs, pending } = this.#obtained.of(name, tls)
        const held = [...read, ...pairs.map((each) => obtainedFor(name, each, now))]
        const made = held.map(({ held, pair }) => ({ ...held, cert: pair.cert, ocsp: tls.ocsp }))
        certificates.push(...made)
        await this.#staples.prepare(made, (request) => this.#obtained.stapleStore(request))
        const key = JSON.stringify([name, tls.clientAuth])
        const clientAuth = this.#last.take(key, strict, { listener: name }, () => clientAuthOf(tls))
        const stapled = held.map(({ pair }) => this.#stapled(pair, tls))
        listeners[name] = listenerMaterial(tls, stapled, pending, clientAuth)
      } catch (error) {
        throw refusal(error, ['listeners', index, 'tls'], `listener ${name}`)
      }
    }
    for (const { name, tls, protocol } of Object.values(config.pools)) {
      if (tls === undefined) continue
      try {
        pools[name] = this.#last.take(JSON.stringify([name, tls, protocol]), strict, { pool: name }, () =>
          protocol === 'h2' ? readUpstreamTls(tls, ['h2']) : readUpstreamTls(tls)
        )
      } catch (error) {
        throw refusal(error, ['pools', name, 'tls'], `pool ${name}`)
      }
    }
    const { redis } = config
    const tls = this.#last.take(JSON.stringify(['redis', redis?.tls]), strict, {}, () =>
      redisMaterial(config)
    )
    this.#last.settle()
    return { listeners, pools, redis: tls, certificates }
  }

  /** Throws when a certificate must not be used. */
  #refuse(made: Made, before: readonly HeldCertificate[] | undefined): void {
    try {
      refuseUnusable(made, before)
    } catch (error) {
      const { file, checked } = made.held
      if (checked.facts !== undefined && checked.problems.some(({ kind }) => kind === 'not-yet-valid'))
        this.#early.refused(file, checked.facts.notBefore)
      throw error
    }
  }

  #stapled(pair: CertificatePair, { ocsp }: ListenerTls): CertificatePair {
    const staple = this.#staples.of(pair.cert, ocsp)
    return staple === undefined ? pair : { ...pair, staple }
  }

  async #ownCertificate(listener: string, now: number): Promise<Made> {
    const pair = (this.#selfSigned ??= await selfSignedCertificate(SELF_SIGNED_FOR, now))
    const checked = checkCertificate(pair.cert, pair.key, now)
    return { pair, place: ['selfSigned'], held: { listener, file: 'self-signed', keyFile: '', checked } }
  }

  /** `look` throws when a certificate must not be used. */
  #files(
    listener: string,
    tls: ListenerTls,
    now: number,
    strict: boolean,
    look: (made: Made) => void
  ): readonly Made[] {
    const { certificateFolder: folder } = tls
    if (folder !== undefined)
      return this.#last.take(JSON.stringify([listener, folder]), strict, { listener }, () => {
        const read = this.#folders.read(listener, tls, now, look)
        if (read.length === 0 && tls.acme === undefined) throw noCertificate(tls)
        return read
      })
    return certificatePaths(tls).map((paths) => {
      const key = JSON.stringify([listener, paths.cert, paths.key])
      return this.#last.take(key, strict, { listener, file: paths.cert }, () => {
        const made = madeOf(listener, readCertificate(tls, paths, now)!)
        look(made)
        return made
      })
    })
  }
}

/** The part of the OCSP store that the reader uses. */
export type Stapled = Pick<Staples, 'prepare' | 'of'>

function noCertificate({ certificateFolder = '' }: ListenerTls): TlsFileError {
  return new TlsFileError(['certificates', 'dir'], certificateFolder, whyEmpty(certificateFolder))
}

/** Certificates from an authority are never refused: they are renewed automatically. */
function obtainedFor(listener: string, { name, pair }: NamedPair, now: number): Made {
  const checked = checkCertificate(pair.cert, pair.key, now)
  return { pair, place: ['acme'], held: { listener, file: `acme:${name}`, keyFile: '', checked } }
}

function refuseUnusable({ held, place }: Made, before: readonly HeldCertificate[] | undefined): void {
  const known = before?.some(
    ({ checked }) =>
      checked.facts !== undefined && checked.facts.fingerprint === held.checked.facts?.fingerprint
  )
  for (const { file, kind, message } of held.checked.problems) {
    if (kind !== 'unusable' && (before === undefined || known === true)) continue
    const path = file === 'cert' ? held.file : held.keyFile
    throw new TlsFileError(place.at(-1) === 'dir' ? place : [...place, file], path, message)
  }
}

/** Files whose content is part of the running configuration; they are watched all the time. */
export function materialFiles(config: Config): string[] {
  const files: (string | undefined)[] = []
  for (const { tls } of config.listeners) {
    if (tls === undefined) continue
    files.push(tls.certificateFolder, tls.clientAuth?.ca, tls.clientAuth?.crl)
    try {
      for (const { cert, key } of certificatePaths(tls)) files.push(cert, key)
    } catch {
      // The folder is missing for the moment; the current certificates stay.
    }
  }
  const upstreams = [...Object.values(config.pools), ...(config.redis ? [config.redis] : [])]
  for (const { tls } of upstreams) files.push(tls?.ca, tls?.cert, tls?.key)
  return [...new Set(files.filter((file) => file !== undefined))]
}

function redisMaterial({ redis }: Config): UpstreamTlsMaterial | undefined {
  try {
    return redis?.tls && readUpstreamTls(redis.tls)
  } catch (error) {
    throw refusal(error, ['redis', 'tls'], 'redis')
  }
}

function refusal(error: unknown, place: readonly (string | number)[], what: string): StartError {
  const { message, cause } = error as Error
  const file = error instanceof TlsFileError ? error : undefined
  const why = file === undefined && cause instanceof Error ? `: ${cause.message}` : ''
  const setting = pathText([...place, ...(file?.place ?? [])])
  return new StartError({ code: 'LB_TLS', message: `${what} (${setting}): ${message}${why}`, setting }, error)
}

/** Client authorities, with the time until which sessions hold. */
function clientAuthOf(tls: ListenerTls): ListenerTlsMaterial['clientAuth'] {
  const read = readClientAuth(tls)
  if (read?.crl === undefined) return read
  try {
    return { ...read, resumesUntil: crlEnds(read.crl) }
  } catch {
    // OpenSSL can read it, and looks at its end in each full handshake.
    return { ...read, resumesUntil: 0 }
  }
}
