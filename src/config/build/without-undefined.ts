type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** The object without undefined values, so that a spread over defaults does not overwrite them. */
export function withoutUndefined<T extends object>(value: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Partial<
    Defined<T>
  >
}
