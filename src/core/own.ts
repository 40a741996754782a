/** What `table` itself has under `name`; nothing of what every object inherits, such as `constructor`. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

/** A record without a prototype: any text may be a key, `__proto__` too. Made by `bareRecord` only. */
export interface BareRecord<T> {
  [name: string]: T
}

export function bareRecord<T>(entries: Iterable<readonly [name: string, value: T]> = []): BareRecord<T> {
  const record = Object.create(null) as BareRecord<T>
  for (const [name, value] of entries) record[name] = value
  return record
}
