import type { Followers } from './followers.ts'
import type { EntryTable } from './memory/entry-table.ts'
import type { SharedHeads } from './shared-heads.ts'

/** The store as its records, claims and writers see it. */
export interface StoreParts {
  readonly maxObjectBytes: number
  epochOf(key: string): number
  readonly table: EntryTable
  readonly followers: Followers
  readonly heads: SharedHeads
  /** Entries of this thread that were claimed while another is still readable; linked when they begin. */
  readonly detached: Set<number>
  /** Something happened to the entry. */
  moved(entry: number): void
  unpin(entry: number, slot: number): void
  /** The body is whole. False when it was unlinked meanwhile: then it is for its followers only. */
  complete(entry: number, slot: number): boolean
  /** It came to nothing. */
  drop(entry: number, slot: number | undefined): void
}
