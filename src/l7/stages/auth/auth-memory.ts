import { Guesses, type GuessMemory } from './guesses.ts'
import { RefreshTurns } from './oidc/refresh/refresh-turns.ts'

/** What all threads share about one `auth`. */
export interface AuthMemory {
  readonly guesses: GuessMemory
  readonly turns: SharedArrayBuffer
}

export function allocateAuth(): AuthMemory {
  return { guesses: Guesses.allocate(), turns: RefreshTurns.allocate() }
}
