import type { ResponseEntry } from '../entry.ts'
import type { CacheStore } from '../ports.ts'
import { StoredForms } from './stored-forms.ts'

/** Gives the entry, which was looked up under `key` in `epoch`, access to the encoded forms of its body. */
export function findForms(entry: ResponseEntry, store: CacheStore, key: string, epoch: number): void {
  entry.forms ??= new StoredForms(store.near, key, entry.bodyId, entry.tags)
  entry.forms.epoch = epoch
}
