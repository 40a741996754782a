import type { LatencySummary } from '../stats/percentile.ts'

/** What every load generator reports: one JSON object on a line that begins with `RESULT `. */
export interface LoadResult {
  readonly completed: number
  readonly errors: number
  readonly seconds: number
  readonly bytes: number
  /** Milliseconds. */
  readonly latency?: LatencySummary
  /** What only some report. */
  readonly extra?: Readonly<Record<string, number>>
}

export const resultPrefix = 'RESULT '

export function parseResult(output: string): LoadResult {
  const line = output.split('\n').find((text) => text.startsWith(resultPrefix))
  if (line === undefined) throw new Error(`the load generator gave no result: ${output.trim().slice(-500)}`)
  return JSON.parse(line.slice(resultPrefix.length)) as LoadResult
}

export function printResult(result: LoadResult): void {
  process.stdout.write(`${resultPrefix}${JSON.stringify(result)}\n`)
}
