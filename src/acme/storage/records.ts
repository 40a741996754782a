/** What is kept of an account at an authority. */
export interface AccountRecord {
  /** URL of the authority's directory. */
  readonly authority: string
  /** PKCS #8, PEM. */
  readonly key: string
  /** URL of the account; undefined until the authority has been told of the key. */
  readonly url?: string
}

/** What is kept of a name: its certificate, and what is under way. One file, so that both change at once. */
export interface NameRecord {
  readonly name: string
  readonly certificate?: StoredCertificate
  readonly renewal?: RenewalRecord
  readonly order?: OrderRecord
  readonly failure?: FailureRecord
  /** The listener that clients have asked for this name at; undefined for names of the configuration. */
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

/** When the certificate is renewed, all wall clock. Chosen once per window: a restart draws no new lot. */
export interface RenewalRecord {
  readonly at: number
  /** As the authority has suggested it (RFC 9773); undefined: two thirds of the lifetime. */
  readonly window?: { readonly start: number; readonly end: number }
  /** When the authority is asked again. */
  readonly askAt?: number
}

/** Written before the authority is asked for the order, and at each step. */
export interface OrderRecord {
  readonly authority: string
  /** Wall clock. */
  readonly since: number
  /** Of the certificate to come. PKCS #8, PEM. */
  readonly key: string
  /** Undefined: it may have been asked for, and may be there. */
  readonly url?: string
  readonly step: OrderStep
  /** What the authority has said is not to be asked for before `at`, wall clock. */
  readonly rest?: { readonly url: string; readonly at: number }
}

export type OrderStep = 'new' | 'ordered' | 'authorising' | 'authorised' | 'finalised'

export interface FailureRecord {
  /** In a row. */
  readonly count: number
  readonly reason: string
  /** Wall clock. */
  readonly at: number
  readonly nextAt: number
}
