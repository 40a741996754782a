import { isIP } from 'node:net'
import { createSecureContext, type ConnectionOptions, type SecureContext } from 'node:tls'
import type { BackendAddress, BackendTls } from '../../config/model/model.ts'
import { checkCertificate } from './certificates/check-certificate.ts'
import { authorities, readText, TlsFileError } from './listener-tls.ts'

/** What TLS to a pool's backends needs, as PEM texts: plain data that the main thread reads and sends to workers. */
export interface UpstreamTlsMaterial {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly serverName?: string
  readonly verify: boolean
  /** Protocols to offer (ALPN), best first. */
  readonly alpn?: readonly string[]
}

/** Reads the PEM files that a pool's `tls` names. Throws TlsFileError. */
export function readUpstreamTls(config: BackendTls, alpn?: readonly string[]): UpstreamTlsMaterial {
  const { ca, cert, key } = config
  const own =
    cert === undefined || key === undefined
      ? undefined
      : { cert: readText(cert, ['cert']), key: readText(key, ['key']) }
  const unusable =
    own && checkCertificate(own.cert, own.key, 0).problems.find(({ kind }) => kind === 'unusable')
  if (unusable !== undefined)
    throw new TlsFileError([unusable.file], (unusable.file === 'cert' ? cert : key)!, unusable.message)
  return {
    ca: ca === undefined ? undefined : authorities(ca, ['ca']),
    cert: own?.cert,
    key: own?.key,
    serverName: config.serverName,
    verify: config.verify,
    alpn
  }
}

/** Sessions kept per pool, one per backend: a resumed handshake costs a third of a full one. */
const MAX_SESSIONS = 1_024
/** A backend at which sessions came to nothing so many times in a row is offered none any more. */
export const MAX_REFUSED = 3
/** After a refusal none is offered for so long: who dials again is to succeed, whatever sessions other connections bring meanwhile. */
export const NONE_FOR_MS = 500

interface Refusals {
  /** In a row. Those of connections that began together are one. */
  readonly times: number
  readonly noneUntil: number
}

/** TLS to one pool's backends: one secure context for all connections, and a session per backend for resumption. */
export class UpstreamTls {
  readonly #material: UpstreamTlsMaterial
  readonly #context: SecureContext
  readonly #sessions = new Map<string, Buffer>()
  /** By address. */
  readonly #refused = new Map<string, Refusals>()

  /** Throws OpenSSL's error about a certificate or key that it cannot read. */
  constructor(material: UpstreamTlsMaterial) {
    this.#material = material
    this.#context = createSecureContext({ ca: material.ca, cert: material.cert, key: material.key })
  }

  /** `now`: of Clock.now(). */
  optionsFor(address: BackendAddress, now: number): ConnectionOptions {
    const { noneUntil = -Infinity } = this.#refused.get(address.text) ?? {}
    return {
      secureContext: this.#context,
      rejectUnauthorized: this.#material.verify,
      // RFC 6066 §3: SNI contains names only. Without a name, the certificate is checked against the address.
      servername: this.#material.serverName ?? nameOf(address),
      ALPNProtocols: this.#material.alpn === undefined ? undefined : [...this.#material.alpn],
      session: now < noneUntil ? undefined : this.#sessions.get(address.text)
    }
  }

  /** The handshake of a connection that offered `session` is done. */
  taken({ text }: BackendAddress): void {
    this.#refused.delete(text)
  }

  /**
   * The handshake of a connection that offered `session` failed. Whether the session was at fault is not known (a backend that
   * restarts looks the same): the next connection begins without one.
   */
  refused({ text }: BackendAddress, session: Buffer, now: number): void {
    if (this.#sessions.get(text) === session) this.#sessions.delete(text)
    const { times = 0, noneUntil = -Infinity } = this.#refused.get(text) ?? {}
    if (now < noneUntil) return
    if (times + 1 >= MAX_REFUSED) this.#sessions.delete(text)
    if (this.#refused.size >= MAX_SESSIONS) this.#refused.clear()
    this.#refused.set(text, { times: times + 1, noneUntil: now + NONE_FOR_MS })
  }

  remember(address: BackendAddress, session: Buffer): void {
    if ((this.#refused.get(address.text)?.times ?? 0) >= MAX_REFUSED) return
    // The newest ticket moves to the end; beyond the bound the session with the oldest handshake is dropped.
    this.#sessions.delete(address.text)
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!)
    this.#sessions.set(address.text, session)
  }
}

function nameOf(address: BackendAddress): string | undefined {
  return address.kind === 'tcp' && isIP(address.host) === 0 ? address.host : undefined
}
