/** Where the response for one certificate outlives the process. What goes wrong with it costs a question, and no more. */
export interface StapleStore {
  /** Other instances read and write it too: what they have had is not asked for again. */
  readonly shared: boolean
  /** Never rejects. */
  read(): Buffer | undefined | Promise<Buffer | undefined>
  /** `until`: wall clock of its end. */
  write(bytes: Buffer, until: number): void
  remove(): void
}
