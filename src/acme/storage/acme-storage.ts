import type { AccountRecord, NameRecord } from './records.ts'

/** Where accounts, certificates and orders under way are kept. What is written is there whole, or not at all. */
export interface AcmeStorage {
  account(authority: string): Promise<AccountRecord | undefined>
  writeAccount(record: AccountRecord): Promise<void>
  name(name: string): Promise<NameRecord | undefined>
  writeName(record: NameRecord): Promise<void>
  /** Names that clients have brought; of a few thousand at most. */
  onDemand(): Promise<readonly NameRecord[]>
  forget(name: string): Promise<void>
}
