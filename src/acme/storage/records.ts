import type { ChallengeAnswer } from '../../net/tls/challenges.ts'

/** The record of an account at an authority. */
export interface AccountRecord {
  /** URL of the authority's directory. */
  readonly authority: string
  /** PKCS #8, PEM. */
  readonly key: string
  /** URL of the account; undefined until the key has been registered. */
  readonly url?: string
}

/** The record of a name: its certificate, and what is under way. One file, so that both change together. */
export interface NameRecord {
  readonly name: string
  readonly certificate?: StoredCertificate
  readonly renewal?: RenewalRecord
  readonly order?: OrderRecord
  readonly failure?: FailureRecord
  /** The listener from which clients requested this name; undefined for names of the configuration. */
  readonly onDemand?: string
}

export interface StoredCertificate {
  /** PEM, with its chain. */
  readonly cert: string
  readonly key: string
  /** URL of the directory of the authority that signed it. */
  readonly authority: string
  readonly challenge: string
}

/** When the certificate is renewed, all wall clock. Chosen once per window, also across restarts. */
export interface RenewalRecord {
  readonly at: number
  /** Suggested by the authority (RFC 9773); undefined: two thirds of the lifetime. */
  readonly window?: { readonly start: number; readonly end: number }
  /** When to ask the authority again. */
  readonly askAt?: number
}

/** Written before the order is requested, and at each step. */
export interface OrderRecord {
  readonly authority: string
  /** Wall clock. */
  readonly since: number
  /** Key of the new certificate. PKCS #8, PEM. */
  readonly key: string
  /** Undefined: the order may have been requested, and may exist. */
  readonly url?: string
  readonly step: OrderStep
  /** What the authority has said is not to be asked for before `at`, wall clock. */
  readonly rest?: { readonly url: string; readonly at: number }

  /** What the authority may be asking for: a process that follows this one answers it from its start. */
  readonly answer?: ChallengeAnswer
}

export type OrderStep = 'new' | 'ordered' | 'authorising' | 'authorised' | 'finalised'

export interface FailureRecord {
  /** Failures in a row. */
  readonly count: number
  readonly reason: string
  /** Wall clock. */
  readonly at: number
  readonly nextAt: number
}
