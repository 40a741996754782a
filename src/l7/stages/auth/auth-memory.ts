import { Guesses, type GuessMemory } from './guesses.ts'
import type { DpopMemory } from './jwt/dpop/dpop.ts'
import { Nonces } from './jwt/dpop/nonces.ts'
import { Replays } from './jwt/dpop/replays.ts'
import { KeptKeys } from './jwt/kept-keys.ts'
import type { JwtInput } from './jwt/keys.ts'
import type { AuthInput } from './keys.ts'
import { RefreshTurns } from './oidc/refresh/refresh-turns.ts'

/** What all threads share about one `auth`. */
export interface AuthMemory {
  readonly guesses: GuessMemory
  readonly turns: SharedArrayBuffer
  /** Of each method. */
  readonly dpop: readonly (DpopMemory | undefined)[]
  /** Of each method: the keys that its issuer gave last. */
  readonly keySets: readonly (SharedArrayBuffer | undefined)[]
}

export function allocateAuth({ methods }: AuthInput): AuthMemory {
  const dpop = methods.map(({ jwt }) =>
    jwt === undefined || jwt.dpop === false
      ? undefined
      : { proofs: Replays.allocate(jwt.dpop.maxProofs), nonceKey: Nonces.allocateKey() }
  )
  const keySets = methods.map(({ jwt }) => (jwt === undefined ? undefined : keySetOf(jwt)))
  return { guesses: Guesses.allocate(), turns: RefreshTurns.allocate(), dpop, keySets }
}

/** Memory by the place that the keys come from, as long as a configuration holds it. */
const kept = new Map<string, WeakRef<SharedArrayBuffer>>()

/**
 * One for all lists that believe the same issuer, also for those that a reload has changed: it may come during an outage, and
 * the changed method has to know the keys. Undefined: they do not come from a server.
 */
function keySetOf({ issuer, jwks, secret }: JwtInput): SharedArrayBuffer | undefined {
  if (secret !== undefined || jwks?.startsWith('file:') === true) return undefined
  const place = `${issuer}\n${jwks ?? ''}`
  const known = kept.get(place)?.deref()
  if (known !== undefined) return known
  for (const [old, ref] of kept) if (ref.deref() === undefined) kept.delete(old)
  const made = KeptKeys.allocate()
  kept.set(place, new WeakRef(made))
  return made
}
