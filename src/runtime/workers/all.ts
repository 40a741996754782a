/** Waits for all even when one fails: what is half prepared can be aborted only when it answers no more. */
export async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}
