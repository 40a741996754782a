import type { RateBuffers } from '../../../shared/rate-table.ts'
import { Guesses, type GuessMemory } from './guesses.ts'
import { Replays } from './jwt/dpop/replays.ts'
import type { AuthInput } from './keys.ts'
import { RefreshTurns } from './oidc/refresh/refresh-turns.ts'

/** What all threads share about one `auth`. */
export interface AuthMemory {
  readonly guesses: GuessMemory
  readonly turns: SharedArrayBuffer
  /** Of each method: proofs that were shown. */
  readonly proofs: readonly (RateBuffers | undefined)[]
}

export function allocateAuth({ methods }: AuthInput): AuthMemory {
  const proofs = methods.map(({ jwt }) =>
    jwt === undefined || jwt.dpop === false ? undefined : Replays.allocate(jwt.dpop.maxProofs)
  )
  return { guesses: Guesses.allocate(), turns: RefreshTurns.allocate(), proofs }
}
