import type { ResponseEntry } from '../entry.ts'
import type { CacheStore } from '../ports.ts'
import { StoredForms } from './stored-forms.ts'

/** Lets the entry, looked up under `key` in `epoch`, be asked for other forms of its body. */
export function findForms(entry: ResponseEntry, store: CacheStore, key: string, epoch: number): void {
  entry.forms ??= new StoredForms(store.near, key, entry.bodyId, entry.tags)
  entry.forms.epoch = epoch
}
