import type { Sample } from '../core/metrics/hub.ts'
import { staplingNeeds, type StaplingNeeds } from './certificate-id.ts'
import { KeptStaple, type KeptStapleDeps } from './kept-staple.ts'
import { ocspRequest } from './request.ts'
import type { StapleStore } from './staple-store.ts'

/** A certificate, and whether its listener wants stapling: `undefined` leaves it to the certificate. */
export interface StapleWanted {
  /** PEM, with its chain. */
  readonly cert: string
  /** File of the certificate. */
  readonly file: string
  readonly ocsp: boolean | undefined
}

/** One stapled certificate for operators. */
export interface StapleView {
  readonly file: string
  readonly state: 'good' | 'failed' | 'none'
  /** The same in words. */
  readonly text: string
  readonly responder?: string
  /** ISO 8601. */
  readonly nextUpdate?: string
  readonly nextTryAt?: string
  readonly reason?: string
}

/** A certificate that requires a response waits this long for one before it is put in force. */
const WAIT_MS = 3_000

/**
 * OCSP responses for certificates that need them (RFC 6960, RFC 7633): requested by the main thread, never during a
 * handshake.
 */
export class Staples {
  readonly #deps: KeptStapleDeps
  /** By the certificate's PEM text. */
  readonly #kept = new Map<string, KeptStaple>()
  /** Facts about certificates, read once: those in force, and those that are being prepared. */
  readonly #needs = new Map<string, StaplingNeeds | undefined>()
  /** Certificates without a way to ask: file → why. */
  #unasked = new Map<string, string>()

  constructor(deps: KeptStapleDeps) {
    this.#deps = deps
  }

  /**
   * Resolves when new certificates have been asked about, or soon after if they require a response. `storeFor`: where
   * the response to a request is stored.
   */
  async prepare(
    wanted: readonly StapleWanted[],
    storeFor: (request: Buffer) => StapleStore | undefined = () => undefined
  ): Promise<void> {
    const tried: Promise<unknown>[] = []
    for (const { cert, file, ocsp } of wanted) {
      if (ocsp === false || this.#kept.has(cert)) continue
      const needs = this.#needsOf(cert)
      if (needs === undefined || typeof needs.subject === 'string' || !(needs.must || ocsp === true)) continue
      const { must, subject } = needs
      const kept = new KeptStaple(file, must, subject, this.#deps, storeFor(ocspRequest(subject.id)))
      this.#kept.set(cert, kept)
      tried.push(must ? kept.tried : kept.looked)
    }
    if (tried.length === 0) return
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => (cancel = this.#deps.clock.after(WAIT_MS, resolve)))
    await Promise.race([Promise.all(tried), late])
    cancel()
  }

  /** The response for a certificate now, in base64; `ocsp` from its listener. */
  of(cert: string, ocsp: boolean | undefined): string | undefined {
    const kept = this.#kept.get(cert)
    if (kept === undefined || !(ocsp ?? kept.must)) return undefined
    return kept.staple?.bytes.toString('base64')
  }

  /** These certificates are in force; others are dropped. */
  retain(wanted: readonly StapleWanted[]): void {
    for (const [cert, kept] of this.#kept) {
      if (wanted.some((each) => each.cert === cert && (each.ocsp ?? kept.must))) continue
      kept.forget()
      this.#kept.delete(cert)
    }
    for (const cert of this.#needs.keys())
      if (!wanted.some((each) => each.cert === cert)) this.#needs.delete(cert)
    const before = this.#unasked
    this.#unasked = new Map()
    for (const { cert, file, ocsp } of wanted) {
      if (ocsp === false || this.#kept.has(cert)) continue
      const reason = reasonAgainst(this.#needsOf(cert), ocsp)
      if (reason === undefined) continue
      this.#unasked.set(file, reason)
      if (before.get(file) !== reason)
        this.#deps.log.warn({ file }, `certificate ${file}: no OCSP response can be stapled: ${reason}`)
    }
  }

  #needsOf(cert: string): StaplingNeeds | undefined {
    if (!this.#needs.has(cert)) this.#needs.set(cert, staplingNeeds(cert))
    return this.#needs.get(cert)
  }

  views(): StapleView[] {
    const unasked = [...this.#unasked].map(([file, reason]): StapleView => ({
      file,
      state: 'none',
      text: `no OCSP response: ${reason}`,
      reason
    }))
    return [...[...this.#kept.values()].map(viewOf), ...unasked]
  }

  /** For the metrics. */
  readonly collect = (sample: Sample): void => {
    const now = this.#deps.clock.wall()
    for (const { name, staple } of this.#kept.values()) {
      const seconds = staple === undefined ? 0 : Math.round((staple.nextUpdate - now) / 1_000)
      sample('lb_ocsp_staple_expiry_seconds', { file: name }, seconds)
    }
  }

  close(): void {
    for (const kept of this.#kept.values()) kept.close()
  }
}

/** Why no response can be stapled to a certificate that needs one. */
export function whyNot(cert: string, ocsp: boolean | undefined): string | undefined {
  return reasonAgainst(staplingNeeds(cert), ocsp)
}

function reasonAgainst(needs: StaplingNeeds | undefined, ocsp: boolean | undefined): string | undefined {
  if (needs === undefined || !(needs.must || ocsp === true)) return undefined
  return typeof needs.subject === 'string' ? needs.subject : undefined
}

function viewOf({ name, staple, failure, subject, nextAt }: KeptStaple): StapleView {
  const iso = (ms: number): string => new Date(ms).toISOString()
  const until = staple === undefined ? 'no OCSP response' : `OCSP response until ${iso(staple.nextUpdate)}`
  const then = failure === undefined ? '' : `, failed (${failure.reason})`
  return {
    file: name,
    state: failure !== undefined ? 'failed' : staple === undefined ? 'none' : 'good',
    text: `${until}${then}, asks again ${iso(nextAt)}`,
    responder: subject.url,
    ...(staple !== undefined && { nextUpdate: iso(staple.nextUpdate) }),
    nextTryAt: iso(nextAt),
    ...(failure !== undefined && { reason: failure.reason })
  }
}
