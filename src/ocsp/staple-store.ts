/**
 * Keeps the response for one certificate across restarts. When it fails, the responder is asked again, and that is all.
 */
export interface StapleStore {
  /** Other instances read and write it too: their responses need not be requested again. */
  readonly shared: boolean
  /** Never rejects. */
  read(): Buffer | undefined | Promise<Buffer | undefined>
  /** `until`: wall clock of its expiry. */
  write(bytes: Buffer, until: number): void
  remove(): void
}
