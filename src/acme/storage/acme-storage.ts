import type { CertificatePair } from '../../net/tls/listener-tls.ts'
import type { AccountRecord, NameRecord } from './records.ts'

/** Where accounts, certificates and orders under way are kept. What is written is there whole, or not at all. */
export interface AcmeStorage {
  account(authority: string): Promise<AccountRecord | undefined>
  writeAccount(record: AccountRecord): Promise<void>
  name(name: string): Promise<NameRecord | undefined>
  /** Rejects where this process had the lock of the name and has lost it. */
  writeName(record: NameRecord): Promise<void>
  /** Names that clients have brought; of a few thousand at most. */
  onDemand(): Promise<readonly NameRecord[]>
  forget(name: string): Promise<void>
  /** A name, or the URL of an authority for our account there. Undefined: another process has it, and is alive. */
  lock(what: string): Promise<Lock | undefined>
  /** Where several instances share it: challenges that any of them may be asked to answer. */
  readonly shared?: SharedChallenges
  close?(): void
}

/** Only one process orders a name at a time. The lock of a process that has died is given to the next. */
export interface Lock {
  release(): Promise<void>
}

export type SharedChallenge =
  | { readonly token: string; readonly keyAuthorization: string }
  | { readonly serverName: string; readonly pair: CertificatePair }

export interface SharedChallenges {
  /** Resolves once every instance that is alive can answer it, with what takes it away. */
  put(challenge: SharedChallenge): Promise<() => Promise<void>>
}

/** Runs `work` once this process has the lock. */
export async function withLock<T>(storage: AcmeStorage, what: string, work: () => Promise<T>): Promise<T> {
  for (let tries = LOCK_TRIES; ; tries--) {
    const lock = await storage.lock(what)
    if (lock !== undefined) {
      try {
        return await work()
      } finally {
        await lock.release()
      }
    }
    if (tries === 0) throw new Error('another process has the lock and does not give it back')
    await new Promise((resolve) => setTimeout(resolve, LOCK_AGAIN_MS))
  }
}

const LOCK_TRIES = 300
const LOCK_AGAIN_MS = 300
