/**
 * Rows of shared tables beyond one per worker. A worker that is blocked in native code cannot be ended: it keeps its row and what
 * it holds there until it is dead, while its replacement already works on a spare one. With none left a replacement waits.
 */
export const SPARE_ROWS = 2

/** Rows for worker threads; none where the main thread serves. */
export function workerRows(workers: number): number {
  return workers === 0 ? 0 : workers + SPARE_ROWS
}
