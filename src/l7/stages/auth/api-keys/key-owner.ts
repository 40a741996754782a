import type { Identity } from '../../../exchange/stage-run.ts'

/** Who comes with any of this name's keys. */
export function keyOwner(name: string, roles: readonly string[]): Identity {
  return { name, roles, by: 'apiKeys' }
}
