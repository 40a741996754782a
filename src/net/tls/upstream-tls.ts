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
/** After a refusal no backend of the pool is offered one for so long: who dials again, also another of them, is to succeed. */
export const NONE_FOR_MS = 500
/** One request, or connection of Layer 4, is sent again so many times because of refused sessions: others' dials may be what it waits for. */
export const MAX_SESSION_REPEATS = 3 * MAX_REFUSED

/** TLS to one pool's backends: one secure context for all connections, and a session per backend for resumption. */
export class UpstreamTls {
  readonly #material: UpstreamTlsMaterial
  readonly #context: SecureContext
  readonly #sessions = new Map<string, Buffer>()
  /** How often in a row sessions came to nothing, by address. */
  readonly #refused = new Map<string, number>()
  #noneUntil = -Infinity

  /** Throws OpenSSL's error about a certificate or key that it cannot read. */
  constructor(material: UpstreamTlsMaterial) {
    this.#material = material
    this.#context = createSecureContext({ ca: material.ca, cert: material.cert, key: material.key })
  }

  /** `now`: of Clock.now(). */
  optionsFor(address: BackendAddress, now: number): ConnectionOptions {
    return {
      secureContext: this.#context,
      rejectUnauthorized: this.#material.verify,
      // RFC 6066 §3: SNI contains names only. Without a name, the certificate is checked against the address.
      servername: this.#material.serverName ?? nameOf(address),
      ALPNProtocols: this.#material.alpn === undefined ? undefined : [...this.#material.alpn],
      session: now < this.#noneUntil ? undefined : this.#sessions.get(address.text)
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
    // Those of connections that began together count once.
    if (now < this.#noneUntil) return
    this.#noneUntil = now + NONE_FOR_MS
    const times = (this.#refused.get(text) ?? 0) + 1
    if (times >= MAX_REFUSED) this.#sessions.delete(text)
    if (this.#refused.size >= MAX_SESSIONS) this.#refused.clear()
    this.#refused.set(text, times)
  }

  remember(address: BackendAddress, session: Buffer): void {
    if ((this.#refused.get(address.text) ?? 0) >= MAX_REFUSED) return
    // The newest ticket moves to the end; beyond the bound the session with the oldest handshake is dropped.
    this.#sessions.delete(address.text)
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!)
    this.#sessions.set(address.text, session)
  }
}

function nameOf(address: BackendAddress): string | undefined {
  return address.kind === 'tcp' && isIP(address.host) === 0 ? address.host : undefined
}
