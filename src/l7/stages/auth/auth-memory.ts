import { Guesses, type GuessMemory } from './guesses.ts'
import type { DpopMemory } from './jwt/dpop/dpop.ts'
import { Nonces } from './jwt/dpop/nonces.ts'
import { Replays } from './jwt/dpop/replays.ts'
import type { AuthInput } from './keys.ts'
import { RefreshTurns } from './oidc/refresh/refresh-turns.ts'

/** What all threads share about one `auth`. */
export interface AuthMemory {
  readonly guesses: GuessMemory
  readonly turns: SharedArrayBuffer
  /** Of each method. */
  readonly dpop: readonly (DpopMemory | undefined)[]
}

export function allocateAuth({ methods }: AuthInput): AuthMemory {
  const dpop = methods.map(({ jwt }) =>
    jwt === undefined || jwt.dpop === false
      ? undefined
      : { proofs: Replays.allocate(jwt.dpop.maxProofs), nonceKey: Nonces.allocateKey() }
  )
  return { guesses: Guesses.allocate(), turns: RefreshTurns.allocate(), dpop }
}
