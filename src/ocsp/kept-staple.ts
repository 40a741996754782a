import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log/log.ts'
import type { Random } from '../core/random.ts'
import type { AskResponder } from './ask-responder.ts'
import type { OcspSubject } from './certificate-id.ts'
import { ocspRequest } from './request.ts'
import { OcspError, readResponse, type Staple } from './response.ts'
import type { StapleStore } from './staple-store.ts'

export interface KeptStapleDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly ask: AskResponder
  /** Another response is in use from now on, or none. */
  readonly onChange: () => void
  /** A responder was asked: `ok`, or why it failed. */
  readonly onAsked: (result: 'ok' | OcspError['kind']) => void
}

export interface StapleFailure {
  readonly count: number
  readonly reason: string
}

const FIRST_WAIT_MS = 10_000
const LONGEST_WAIT_MS = 3_600_000
/** A response of seven days is renewed daily, so that a revocation is noticed soon. */
const LONGEST_REST_MS = 86_400_000
const SHORTEST_REST_MS = 1_000
/** A response of an earlier process is renewed sooner, since its age is unknown. */
const LONGEST_REST_AT_START_MS = 3_600_000

/** The response for one certificate: fetched, renewed before it expires, and kept during outages of its responder. */
export class KeptStaple {
  /** File of the certificate. */
  readonly name: string
  /** The certificate requires a response. */
  readonly must: boolean
  readonly subject: OcspSubject
  readonly #deps: KeptStapleDeps
  readonly #store: StapleStore | undefined
  #staple: Staple | undefined
  #failure: StapleFailure | undefined
  /** Wall clock. */
  #nextAt = 0
  #cancel: (() => void) | undefined
  #cancelEnd: (() => void) | undefined
  #closed = false
  /** Resolves after the first request for it, whatever the result. */
  readonly tried: Promise<unknown>
  /** Resolves once it is known whether an earlier process has stored one. */
  readonly looked: Promise<unknown>

  /** `store`: keeps it across restarts. */
  constructor(
    name: string,
    must: boolean,
    subject: OcspSubject,
    deps: KeptStapleDeps,
    store: StapleStore | undefined
  ) {
    this.name = name
    this.must = must
    this.subject = subject
    this.#deps = deps
    this.#store = store
    const stored = store?.read()
    if (stored instanceof Promise) {
      this.looked = stored.then((bytes) => this.#fromStore(bytes, deps.onChange))
      this.tried = this.looked.then(async (found) => {
        if (found !== true) await this.#ask()
      })
    } else {
      this.tried = this.#fromStore(stored, () => {}) ? Promise.resolve() : this.#ask()
      this.looked = Promise.resolve()
    }
  }

  /** The response in use. */
  get staple(): Staple | undefined {
    const staple = this.#staple
    return staple !== undefined && staple.nextUpdate > this.#deps.clock.wall() ? staple : undefined
  }

  get failure(): StapleFailure | undefined {
    return this.#failure
  }

  get nextAt(): number {
    return this.#nextAt
  }

  /** Its certificate is not in force any more. A shared response may be useful to others, and expires by itself. */
  forget(): void {
    this.close()
    if (this.#store?.shared === false) this.#store.remove()
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#cancelEnd?.()
  }

  /** A stored response is checked like one from the responder. */
  #fromStore(bytes: Buffer | undefined, onChange: () => void): boolean {
    const { clock, random } = this.#deps
    if (bytes === undefined || this.#closed) return false
    try {
      const now = clock.wall()
      const staple = readResponse(bytes, this.subject, now)
      const rest = Math.min((staple.nextUpdate - now) / 2, LONGEST_REST_AT_START_MS)
      this.#nextAt = Math.round(now + rest * (0.9 + 0.1 * random()))
      this.#staple = staple
      this.#endAt(staple.nextUpdate)
      this.#later()
      onChange()
      return true
    } catch {
      return false
    }
  }

  async #due(): Promise<void> {
    // Another instance may have asked meanwhile.
    if (this.#store?.shared === true) {
      const bytes = await this.#store.read()
      if (this.#closed || (bytes !== undefined && this.#tookNewer(bytes))) return
    }
    await this.#ask()
  }

  #tookNewer(bytes: Buffer): boolean {
    try {
      const staple = readResponse(bytes, this.subject, this.#deps.clock.wall())
      if (staple.thisUpdate <= (this.#staple?.thisUpdate ?? 0)) return false
      this.#took(staple, false)
      this.#later()
      return true
    } catch {
      return false
    }
  }

  async #ask(): Promise<void> {
    const { ask, clock, onAsked } = this.#deps
    const { url, id } = this.subject
    try {
      const bytes = await ask(url, ocspRequest(id))
      if (this.#closed) return
      this.#took(readResponse(bytes, this.subject, clock.wall()), true)
      onAsked('ok')
    } catch (error) {
      if (this.#closed) return
      this.#failed(error as Error)
      onAsked(error instanceof OcspError ? error.kind : 'no-answer')
    }
    this.#later()
  }

  #later(): void {
    const { clock } = this.#deps
    const ms = Math.max(this.#nextAt - clock.wall(), SHORTEST_REST_MS)
    this.#cancel = clock.after(ms, () => void this.#due())
  }

  /** `fresh`: from its responder, and not stored yet. */
  #took(staple: Staple, fresh: boolean): void {
    const { clock, random, log, onChange } = this.#deps
    if (this.#failure !== undefined)
      log.info({ file: this.name }, `OCSP response for ${this.name}: there again`)
    this.#failure = undefined
    const now = clock.wall()
    // Half of the remaining time, randomised by a tenth, so that many certificates do not always come at once.
    const rest = Math.min((staple.nextUpdate - now) / 2, LONGEST_REST_MS) * (0.9 + 0.1 * random())
    this.#nextAt = Math.round(now + rest)
    const changed = this.#staple?.bytes.equals(staple.bytes) !== true
    this.#staple = staple
    this.#endAt(staple.nextUpdate)
    if (!changed) return
    if (fresh) this.#store?.write(staple.bytes, staple.nextUpdate)
    onChange()
  }

  #failed(error: Error): void {
    const { clock, random, log, onChange } = this.#deps
    const count = (this.#failure?.count ?? 0) + 1
    this.#failure = { count, reason: error.message }
    const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(count - 1, 20), LONGEST_WAIT_MS)
    this.#nextAt = Math.round(clock.wall() + wait * (0.9 + 0.2 * random()))
    const revoked = error instanceof OcspError && error.kind === 'revoked'
    if (revoked) this.#store?.remove()
    if (revoked && this.#staple !== undefined) {
      this.#staple = undefined
      onChange()
    }
    if (count > 1) return
    const fields = { file: this.name, responder: this.subject.url }
    const kept = this.staple
    const rest =
      kept === undefined ? 'none is stapled' : `the one at hand is kept until ${iso(kept.nextUpdate)}`
    log[revoked ? 'error' : 'warn'](fields, `OCSP response for ${this.name}: ${error.message}; ${rest}`)
  }

  #endAt(at: number): void {
    const { clock, log, onChange } = this.#deps
    this.#cancelEnd?.()
    // A timer takes at most 24 days; by then there is another response.
    const ms = Math.min(at - clock.wall(), 0x7fff_ffff)
    this.#cancelEnd = clock.after(ms, () => {
      if (this.staple !== undefined) return
      this.#staple = undefined
      log.error(
        { file: this.name },
        `OCSP response for ${this.name}: the last one has ended, none is stapled`
      )
      onChange()
    })
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
