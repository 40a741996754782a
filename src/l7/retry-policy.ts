import type { RetryConfig } from '../config/model.ts'

/** `made`: further tries so far. `repeatable`: sending the request twice does no harm, or nothing of it was sent. */
export function mayRetry(retry: RetryConfig, made: number, repeatable: boolean): boolean {
  return repeatable && made < retry.attempts
}
