import type { ErrorCode } from '../../../core/errors.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Identity } from '../../exchange/stage-run.ts'

/** One method of authentication, as one thread uses it. */
export interface AuthMethod {
  /** For logs, metrics and `identity.by`. */
  readonly name: string
  /** Request fields, lower case, that this method sets: a client's fields with these names are removed. */
  readonly fields?: readonly string[]
  /** Looks for a credential of its own kind in the request; undefined when there is none. */
  check(exchange: Exchange): Answer | undefined
  /** Called when no method has found a credential and one is needed: sends the client to a login, if it can log in. */
  login?(exchange: Exchange): Answer | undefined
  /** A value for WWW-Authenticate. `denied`: what was wrong with the credential. */
  challenge(denied: Denied | undefined): string
  /** Removes the credential from the request. */
  strip(exchange: Exchange): void
}

export type Answer = Proven | Denied | Pending | Reply

/** Created once for each key or token, and used for every request with it. */
export interface Proven {
  readonly kind: 'proven'
  readonly identity: Identity
  /**
   * The credential is too long to guess, or was proven recently: it is accepted even from an address with too many
   * guesses. Otherwise `lastClient` decides.
   */
  readonly beyondGuessing: boolean
  /** The last address that used it: a known client does not suffer from guesses of its neighbours. */
  lastClient: string
  /** Fields added to the request, besides those of the identity. */
  readonly fields?: readonly (readonly [string, string | undefined])[]
  /** Lines that the response to this one request gets. */
  readonly responseLines?: string
}

export interface Denied {
  readonly kind: 'denied'
  /** For the log; never contains the credential. */
  readonly reason: string
  /** Default: LB_UNAUTHENTICATED. */
  readonly code?: ErrorCode
  /** The credential is not of this method after all, or unknown to it: a later method may know it. */
  readonly unknown?: boolean
  /** `error` of RFC 6750 §3.1, for the challenge. */
  readonly error?: string
  /** It counts as a guess. */
  readonly guess?: boolean
  /** It belongs to how clients begin, as no credential does: only counted. */
  readonly usual?: boolean
  /** Lines that the answer gets besides the challenges. */
  readonly fields?: string
  /** Whose credential is being guessed, where the request says so. */
  readonly account?: string
}

/** An external service has to be asked. */
export interface Pending {
  readonly kind: 'pending'
  /** What is asked, in words for `lb explain`. */
  readonly asks: string
  readonly timeoutMs: number
  /** Whose credential it is, where the request says so: guesses are counted per account. */
  readonly account?: string
  /**
   * Calls `done` once, later or at once, with undefined if there is no credential after all; returns a function that
   * cancels it.
   */
  start(done: (answer: Answer | undefined) => void): () => void
}

/** A response of the method itself to the client. */
export interface Reply {
  readonly kind: 'reply'
  readonly outcome: 'refused' | 'login'
  readonly reason: string
  send(exchange: Exchange): void
}
