import type { AuthMethod } from './auth-method.ts'

/** Methods by the engine that they serve and what they were made of. */
const stores = new WeakMap<object, Map<string, WeakRef<AuthMethod>>>()

/**
 * The same method for the same words of the configuration: routes that inherit from their listener share one, and a
 * reload keeps what it has proven and fetched. The new snapshot is made while the old one still holds its methods; one that no
 * snapshot holds any more is collected.
 */
export function sharedMethod(owner: object, key: string, make: () => AuthMethod): AuthMethod {
  let store = stores.get(owner)
  if (store === undefined) stores.set(owner, (store = new Map()))
  const known = store.get(key)?.deref()
  if (known !== undefined) return known
  for (const [old, ref] of store) if (ref.deref() === undefined) store.delete(old)
  const made = make()
  store.set(key, new WeakRef(made))
  return made
}
