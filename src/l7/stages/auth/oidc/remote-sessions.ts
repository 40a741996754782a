/**
 * What all instances share about the sessions at one provider, for one thread. Results are undefined when no answer
 * came in time.
 */
export interface RemoteSessions {
  /** Longest time that any call takes. */
  readonly timeoutMs: number
  /** False: do not use it now. Waits, only at the start, until that is known. */
  reachable(): Promise<boolean>
  /** The record of a session, and the sessions that have ended since `after`. `withinMs`: default `timeoutMs`. */
  read(
    id: string,
    after: string,
    withinMs?: number
  ): Promise<{ readonly record: string | undefined; readonly ended: EndedNews } | undefined>
  /**
   * `begun`: of a new session. Without it only if the record still exists, since a session that has ended meanwhile must
   * not come back.
   */
  write(id: string, record: string, livesMs: number, begun?: Begun): Promise<boolean | undefined>
  remove(id: string): Promise<true | undefined>
  /** Tells other instances which sessions have ended, and removes the records that have one of these names. */
  end(names: readonly string[], at: number, livesMs: number): Promise<true | undefined>
  endedSince(after: string): Promise<EndedNews | undefined>
  /**
   * Takes the turn to refresh a token (`key`: its digest) for `leaseMs`, unless another instance has it or had it
   * lately.
   */
  takeTurn(key: string, owner: string, leaseMs: number): Promise<Turn | undefined>
  /** Gives the turn back; `result` is available for `keptMs` to others that come with the same token. */
  giveTurn(key: string, owner: string, result: string | undefined, keptMs: number): Promise<true | undefined>
}

export interface Begun {
  /** ms since 1970. */
  readonly at: number
  /** By which its record is found when the session ends. */
  readonly names: readonly string[]
}

export interface EndedNews {
  /** Where the next reading begins. */
  readonly last: string
  readonly ended: readonly { readonly name: string; readonly at: number }[]
  /** More entries follow. */
  readonly more: boolean
}

export type Turn =
  { readonly kind: 'mine' } | { readonly kind: 'taken' } | { readonly kind: 'done'; readonly result: string }

/** Opens the shared sessions of one provider. */
export interface SessionStores {
  /** Identifies the store: another store has other sessions. */
  readonly id: string
  /** `provider`: a digest of issuer and client. */
  open(provider: string): RemoteSessions
}
