import type { RateGrant, RateQuestion, RemoteRates } from '../l7/stages/rate-limit/remote-rates.ts'
import { rateScript } from './rate-script.ts'
import type { RedisLink } from './redis-link.ts'
import { runScript, Script } from './script.ts'

const script = new Script(rateScript)

/** The counts of rate limits that all instances share. */
export class RateCounts implements RemoteRates {
  readonly #link: RedisLink

  constructor(link: RedisLink) {
    this.#link = link
  }

  get usable(): boolean {
    return this.#link.usable
  }

  get timeoutMs(): number {
    return this.#link.timeoutMs
  }

  ask(question: RateQuestion, done: (grant: RateGrant | undefined) => void, withinMs?: number): void {
    const { key, rule, cost, want, force, window } = question
    const { algorithm, requests, perMs, burst } = rule
    const args = [algorithm, requests, perMs, burst, cost, want, force ? 1 : 0, window ?? '']
    this.#link.ask(
      async (connection, prefix) => grantOf(await runScript(connection, script, [prefix + key], args)),
      done,
      withinMs
    )
  }
}

/** Throws on any other answer than the script's: then the server is not what it should be. */
function grantOf(reply: unknown): RateGrant {
  const numbers = Array.isArray(reply) ? reply.map(Number) : []
  if (numbers.length !== 5 || !numbers.every(Number.isFinite))
    throw new Error("an answer that is not the script's")
  const [granted, remaining, retry, full, window] = numbers as [number, number, number, number, number]
  return { granted, remaining, retryMs: retry / 1000, fullMs: full / 1000, window }
}
