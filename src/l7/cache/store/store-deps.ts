import type { Followers } from './followers.ts'
import type { EntryTable } from './memory/entry-table.ts'
import type { SharedHeads } from './shared-heads.ts'

/** The store as its records, claims and writers see it. */
export interface StoreDeps {
  readonly maxObjectBytes: number
  epochOf(key: string): number
  readonly table: EntryTable
  readonly followers: Followers
  readonly heads: SharedHeads
  /** Entries of this thread that were claimed while the old one is still readable; `begin` links them. */
  readonly detached: Set<number>
  /** The entry has made progress. */
  moved(entry: number): void
  unpin(entry: number, slot: number): void
  /** The body is complete. False when the entry was unlinked meanwhile: only its followers get it then. */
  complete(entry: number, slot: number): boolean
  /** The fill failed. */
  drop(entry: number, slot: number | undefined): void
}
