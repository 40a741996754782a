/** Waits for all promises even when one fails: only a finished prepare can be aborted. */
export async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}
