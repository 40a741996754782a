import { entryOf } from '../entry.ts'
import type { StoredForms } from './stored-forms.ts'

/** The body that the forms encode, up to `maxBytes`; undefined where it is longer or has been replaced. */
export function storedBody({ store, key, bodyId }: StoredForms, maxBytes: number): Buffer | undefined {
  const record = store.peek(key)
  if (record === undefined) return undefined
  try {
    if (record.state !== 'complete' || record.available > maxBytes || record.available === 0) return undefined
    const entry = entryOf(record)
    if (entry?.kind !== 'response' || entry.bodyId !== bodyId) return undefined
    return record.read(0, record.available)
  } finally {
    record.release()
  }
}
