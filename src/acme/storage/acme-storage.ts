import type { ChallengeAnswer } from '../../net/tls/challenges.ts'
import type { AccountRecord, NameRecord } from './records.ts'

/** Stores accounts, certificates and orders under way. A write is complete or has no effect. */
export interface AcmeStorage {
  account(authority: string): Promise<AccountRecord | undefined>
  writeAccount(record: AccountRecord): Promise<void>
  name(name: string): Promise<NameRecord | undefined>
  /** Rejects when this process has lost the lock of the name. */
  writeName(record: NameRecord): Promise<void>
  /** Names that clients requested; at most a few thousand. */
  onDemand(): Promise<readonly NameRecord[]>
  forget(name: string): Promise<void>
  /** Locks a name, or the URL of an authority for lb's account there. Undefined: another living process has it. */
  lock(what: string): Promise<Lock | undefined>
  /** Present where several instances share it: challenges that any of them may have to answer. */
  readonly shared?: SharedChallenges
  close?(): void
}

/** What has to be stored could not be: no fault of the authority. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}

/** Only one process orders a name at a time. The lock of a dead process goes to the next. */
export interface Lock {
  release(): Promise<void>
}

export interface SharedChallenges {
  /** Resolves once every living instance can answer it, with a function that removes it. */
  put(answer: ChallengeAnswer): Promise<() => Promise<void>>
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
