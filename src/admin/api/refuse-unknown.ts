import { ApiError } from './api-error.ts'

/** A misspelt key must not be treated as absent. */
export function refuseUnknown(body: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(body).find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new ApiError(
      'bad-request',
      `unknown key ${JSON.stringify(unknown.slice(0, 40))}; known: ${known.join(', ')}`
    )
  }
}
