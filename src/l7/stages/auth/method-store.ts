import type { AuthMethod } from './auth-method.ts'

/** Methods by engine and configuration. */
const stores = new WeakMap<object, Map<string, WeakRef<AuthMethod>>>()

/**
 * Returns the same method for the same configuration: routes that inherit from their listener share one, and a reload
 * keeps what it has proven and fetched. The new snapshot is made while the old one still holds its methods; a method
 * that no snapshot holds any more is collected.
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
