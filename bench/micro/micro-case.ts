/** One operation to measure. */
export interface MicroCase {
  readonly group: string
  readonly name: string
  /** Builds what is needed, checks that the operation does what it should, and returns a loop of `count` of it. */
  prepare(): (count: number) => void
}

/** Results go here, so that the compiler cannot find an operation to be without effect and leave it out. */
export const sink: { value: unknown } = { value: undefined }

export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong result: ${what}`)
}
