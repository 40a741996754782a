type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** The same without the keys that are undefined, so that a spread over defaults takes none away. */
export function withoutUndefined<T extends object>(value: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Partial<
    Defined<T>
  >
}
