import * as crypto from 'node:crypto'

/** Why this hash cannot be verified here; undefined when it can. */
export function whyNotVerifiable(hash: string): string | undefined {
  if (/^\$(?:2[aby]|apr1|1|5|6|scrypt)\$/.test(hash)) return undefined
  if (/^\$argon2(?:id|i|d)\$/.test(hash)) {
    return 'argon2Sync' in crypto ? undefined : 'argon2 needs a newer Node'
  }
  return 'not a supported hash: bcrypt, apr1, SHA-crypt ($5$, $6$), argon2 or scrypt'
}
