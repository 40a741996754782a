import type { ErrorCode } from '../../../core/errors.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Identity } from '../../exchange/exchange-facts.ts'

/** One way to prove who one is, as one thread uses it. */
export interface AuthMethod {
  /** For logs, metrics and `identity.by`. */
  readonly name: string
  /** Request fields, lower case, that this method writes: nothing of a client goes on under these names. */
  readonly fields?: readonly string[]
  /** Looks for a credential of its own in the request; undefined: there is none. */
  check(exchange: Exchange): Answer | undefined
  /** Where no method has found a credential and one is needed: sends the client to a login, if it can log in. */
  login?(exchange: Exchange): Answer | undefined
  /** A value of WWW-Authenticate. `denied`: what was wrong with the credential. */
  challenge(denied: Denied | undefined): string
  /** The request goes on without the credential. */
  strip(exchange: Exchange): void
}

export type Answer = Proven | Denied | Pending | Reply

/** Made once for each key or token, and given to every request with it. */
export interface Proven {
  readonly kind: 'proven'
  readonly identity: Identity
  /**
   * Too long or too recently proven to be a guess: it is let in also from an address that has guessed too often.
   * Otherwise `lastClient` decides.
   */
  readonly beyondGuessing: boolean
  /** The last address that showed it: a client that is known does not suffer from its neighbours' guesses. */
  lastClient: string
  /** Fields that go on with the request, besides the identity. */
  readonly fields?: readonly (readonly [string, string | undefined])[]
}

export interface Denied {
  readonly kind: 'denied'
  /** For the log, never with the credential. */
  readonly reason: string
  /** Left out: LB_UNAUTHENTICATED. */
  readonly code?: ErrorCode
  /** The credential is not of this method after all, or not known to it: a later one may know it. */
  readonly unknown?: boolean
  /** `error` of RFC 6750 §3.1, for the challenge. */
  readonly error?: string
  /** It counts as a guess. */
  readonly guess?: boolean
  /** Whose credential is guessed at, where the request says so. */
  readonly account?: string
}

/** Somebody else is asked. */
export interface Pending {
  readonly kind: 'pending'
  /** In words, for `lb explain`. */
  readonly asks: string
  readonly timeoutMs: number
  /** Whose credential it is, where the request says so: guesses at it are counted. */
  readonly account?: string
  /** Calls `done` once, later or at once, with undefined where there is no credential after all; returns what stops it. */
  start(done: (answer: Answer | undefined) => void): () => void
}

/** An answer of the method's own to the client. */
export interface Reply {
  readonly kind: 'reply'
  readonly outcome: 'refused' | 'login'
  readonly reason: string
  send(exchange: Exchange): void
}
