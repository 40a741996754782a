/** What all instances know of the sessions at one provider, as one thread reaches it. Answers are undefined where none has come in time. */
export interface RemoteSessions {
  /** Longest that anything here takes. */
  readonly timeoutMs: number
  /** False: not to be asked now. Waits, at the start only, until that is known. */
  reachable(): Promise<boolean>
  /** The record of a session, and what has ended since `after`. */
  read(
    id: string,
    after: string
  ): Promise<{ readonly record: string | undefined; readonly ended: EndedNews } | undefined>
  /** `existing`: only where there still is one, since a session that has ended meanwhile must not come back. */
  write(id: string, record: string, livesMs: number, existing: boolean): Promise<boolean | undefined>
  remove(id: string): Promise<true | undefined>
  /** Tells the others what has ended. */
  end(names: readonly string[], at: number, livesMs: number): Promise<true | undefined>
  endedSince(after: string): Promise<EndedNews | undefined>
  /** Takes the turn to refresh by a token (`key`: its digest) for `leaseMs`, unless another has it, or has been here lately. */
  takeTurn(key: string, owner: string, leaseMs: number): Promise<Turn | undefined>
  /** Gives it back; `result` is there for others who come with the same token within `keptMs`. */
  giveTurn(key: string, owner: string, result: string | undefined, keptMs: number): Promise<true | undefined>
}

export interface EndedNews {
  /** What the next question begins after. */
  readonly last: string
  readonly ended: readonly { readonly name: string; readonly at: number }[]
  /** There is more behind it. */
  readonly more: boolean
}

export type Turn =
  { readonly kind: 'mine' } | { readonly kind: 'taken' } | { readonly kind: 'done'; readonly result: string }

/** Opens what is shared of one provider. */
export interface SessionStores {
  /** Of the place where it is kept: another one makes other sessions. */
  readonly id: string
  /** `provider`: a digest of issuer and client. */
  open(provider: string): RemoteSessions
}
