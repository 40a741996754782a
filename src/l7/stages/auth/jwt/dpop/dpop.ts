import { tokenBehind } from '../../bearer.ts'
import type { Clock } from '../../../../../core/clock.ts'
import { own } from '../../../../../core/own.ts'
import type { RateBuffers } from '../../../../../shared/rate-table.ts'
import type { Exchange } from '../../../../exchange/exchange.ts'
import type { HeaderBlock } from '../../../../message/header-block.ts'
import { normalisePath } from '../../../../uri/normalise-path.ts'
import { comparing } from '../../../../uri/path-policy.ts'
import { clientScheme } from '../../../../headers/client-scheme.ts'
import type { Denied, Proven } from '../../auth-method.ts'
import type { DpopInput } from './keys.ts'
import { Nonces } from './nonces.ts'
import { Proofs } from './proof.ts'
import { Replays } from './replays.ts'

/** How a token was shown: behind which scheme, or without one (in a cookie, say). */
export type Shown = 'Bearer' | 'DPoP' | 'alone'

/** What all threads share. */
export interface DpopMemory {
  /** Proofs that were shown. */
  readonly proofs: RateBuffers
  readonly nonceKey: ArrayBufferLike
}

/** For the challenge: what was wrong concerns the proof, or a token that needs one. */
interface ProofDenied extends Denied {
  readonly dpop: true
}

/**
 * Tokens that are bound to a key of the client (`cnf`): whoever shows one proves that the key is theirs, by a proof with each
 * request (DPoP, RFC 9449), or by the certificate of the connection (RFC 8705 §3).
 */
export class Dpop {
  readonly #input: DpopInput
  readonly #clock: Clock
  readonly #realm: string
  readonly #proofs = new Proofs()
  /** Undefined: a dry run, which uses up nothing. */
  readonly #replays: Replays | undefined
  /** Undefined: proofs need none. */
  readonly #nonces: Nonces | undefined
  readonly #origin: string | undefined

  constructor(input: DpopInput, clock: Clock, realm: string, memory?: DpopMemory) {
    this.#input = input
    this.#clock = clock
    this.#realm = realm
    this.#replays = memory && new Replays(input.window, memory.proofs, clock)
    const { nonce, nonceSecret } = input
    if (nonce !== false && memory !== undefined) {
      const key = nonceSecret === undefined ? new Uint8Array(memory.nonceKey) : Buffer.from(nonceSecret)
      this.#nonces = new Nonces(nonce, Buffer.from(key))
    }
    this.#origin = input.origin === undefined ? undefined : new URL(input.origin).origin
  }

  get required(): boolean {
    return this.#input.required
  }

  /** The token behind `DPoP` in Authorization. */
  tokenIn(headers: HeaderBlock): string | undefined {
    const value = headers.get('authorization')
    return value === undefined ? undefined : tokenBehind('dpop', value)
  }

  /** What a token that is proven is worth as it was shown with this request. */
  hold(exchange: Exchange, token: string, shown: Shown, proven: Proven): Proven | Denied {
    const { claims = {} } = proven.identity
    if (!Object.hasOwn(claims, 'cnf')) {
      if (shown === 'DPoP') return ofToken('bound to no key, and shown as DPoP')
      return this.required ? ofToken('bound to no key') : proven
    }
    const cnf = claims['cnf']
    const bonds = typeof cnf === 'object' && cnf !== null ? (cnf as Record<string, unknown>) : {}
    const jkt = own(bonds, 'jkt')
    const certificate = own(bonds, 'x5t#S256')
    if ((jkt ?? certificate) === undefined || (jkt !== undefined && typeof jkt !== 'string'))
      return ofToken('bound in a way that is not known here')
    if (certificate !== undefined && certificate !== certificateOf(exchange))
      return ofToken('bound to another client certificate')
    if (jkt === undefined) return shown === 'DPoP' ? ofToken('bound to no key, and shown as DPoP') : proven
    if (shown === 'Bearer') return ofToken('bound to a key, and shown as Bearer')
    return this.#prove(exchange, token, jkt) ?? proven
  }

  #prove(exchange: Exchange, token: string, jkt: string): Denied | undefined {
    const { headers, method } = exchange.request
    // Two fields are one text with a comma, which is no proof.
    const text = headers.get('dpop')
    if (text === undefined) return ofProof('it is missing')
    const { algorithms, window } = this.#input
    const isHere = (url: string): boolean => this.#isHere(exchange, url)
    const now = this.#clock.wall()
    const nonces = this.#nonces
    let old = false
    const isNonce =
      nonces &&
      ((nonce: unknown) => {
        const age = nonces.age(nonce, now)
        old = age === 'old'
        return age !== undefined
      })
    const judged = this.#proofs.judge(text, { method, isHere, token, jkt, algorithms, window, now, isNonce })
    if ('wrong' in judged)
      return judged.needsNonce === true ? this.#wantsNonce(judged.wrong, now) : ofProof(judged.wrong)
    // RFC 9449 §8.2: before the one that it has is refused. It is nothing for a later response from a cache.
    if (old) exchange.addResponseLines(`${nonceLine(nonces!, now)}Cache-Control: no-store\r\n`)
    switch (this.#replays?.take(jkt, judged.id)) {
      case 'seen':
        return ofProof('shown before')
      case 'full':
        return {
          kind: 'denied',
          code: 'LB_AUTH_UNAVAILABLE',
          reason: 'no place to remember a proof (dpop.maxProofs)'
        }
      default:
        return undefined
    }
  }

  /** No client can have one before its first request, so this is no guess and nothing for the log. */
  #wantsNonce(why: string, now: number): ProofDenied {
    return {
      ...ofProof(why),
      error: 'use_dpop_nonce',
      usual: true,
      fields: nonceLine(this.#nonces!, now)
    }
  }

  /** `htu` without query and fragment, both in normal form (RFC 9449 §4.3). */
  #isHere(exchange: Exchange, htu: string): boolean {
    const { authority, request, snapshot, path } = exchange
    const origin = this.#origin ?? originOf(`${clientScheme(exchange)}://${authority ?? request.host}`)
    const url = URL.parse(htu)
    if (url === null || url.username !== '' || url.password !== '' || url.origin !== origin) return false
    return normalisePath(url.pathname, comparing(snapshot.config.paths)) === path
  }

  /** A value of WWW-Authenticate (RFC 9449 §7.1), where the client should know of it. */
  challenge(wrong: Denied | undefined): string | undefined {
    const { required, algorithms } = this.#input
    if (!required && !(wrong !== undefined && 'dpop' in wrong)) return undefined
    const error = wrong?.error === undefined ? '' : `error="${wrong.error}", `
    return `DPoP realm="${this.#realm}", ${error}algs="${algorithms.join(' ')}"`
  }
}

function nonceLine(nonces: Nonces, now: number): string {
  return `DPoP-Nonce: ${nonces.current(now)}\r\n`
}

/** URL.origin of other schemes is "null", for all of them. */
function originOf(url: string): string | undefined {
  return URL.parse(url)?.origin
}

function certificateOf(exchange: Exchange): string | undefined {
  const certificate = exchange.tls?.clientCertificate
  return certificate && Buffer.from(certificate.fingerprint, 'hex').toString('base64url')
}

function ofToken(reason: string): ProofDenied {
  return { kind: 'denied', reason, error: 'invalid_token', dpop: true }
}

function ofProof(reason: string): ProofDenied {
  return { kind: 'denied', reason: `the proof (DPoP): ${reason}`, error: 'invalid_dpop_proof', dpop: true }
}
