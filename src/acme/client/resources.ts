/** What an authority offers and where (RFC 8555 §7.1.1). */
export interface Directory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  /** RFC 9773. */
  readonly renewalInfo?: string
  readonly meta?: {
    readonly externalAccountRequired?: boolean
    readonly termsOfService?: string
    /** draft-aaron-acme-profiles: name and description. */
    readonly profiles?: Readonly<Record<string, string>>
  }
}

export interface Identifier {
  readonly type: 'dns' | 'ip'
  readonly value: string
}

/** RFC 8555 §7.1.3. */
export interface OrderResource {
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'
  readonly identifiers: readonly Identifier[]
  readonly authorizations: readonly string[]
  readonly finalize: string
  readonly certificate?: string
  readonly error?: unknown
}

/** RFC 8555 §7.1.4. */
export interface AuthorizationResource {
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked'
  readonly identifier: Identifier
  readonly challenges: readonly ChallengeResource[]
}

export interface ChallengeResource {
  readonly type: string
  readonly url: string
  readonly token?: string
  readonly status: 'pending' | 'processing' | 'valid' | 'invalid'
  readonly error?: unknown
}
