import type { Proven } from '../auth-method.ts'

/** The result for every request with one of this name's keys. */
export function provenKey(name: string, roles: readonly string[]): Proven {
  return { kind: 'proven', identity: { name, roles, by: 'apiKeys' }, beyondGuessing: false, lastClient: '' }
}
