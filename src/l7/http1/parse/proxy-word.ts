import { FORWARDING_WORDS } from '../../headers/forwarding-fields.ts'
import { ALNUM } from '../../message/chars.ts'

const LETTER_X = 120
/** 1 for the letters that such a name begins with, by their last five bits, which do not tell case. */
export const INITIALS = new Uint8Array(32)
INITIALS[LETTER_X & 31] = 1
/** By their first letters, as INITIALS. */
const words: (readonly Buffer[] | undefined)[] = Array.from({ length: 32 }, () => undefined)
for (const word of FORWARDING_WORDS) {
  const first = word.charCodeAt(0) & 31
  INITIALS[first] = 1
  words[first] = [...(words[first] ?? []), Buffer.from(word)]
}

/**
 * Whether a field name may be one of `FORWARDING_FIELDS`, Forwarded excepted: `X-Real-IP`, `Client-IP`. Servers that make
 * variables of field names treat any punctuation as a hyphen: `true_client_ip`. False where the first letter is none of
 * INITIALS, which spares most field lines the call.
 */
export function isWordOfProxy(buffer: Buffer, at: number): boolean {
  const first = buffer[at]! | 32
  if (first === LETTER_X) return ALNUM[buffer[at + 1]!] === 0
  const some = words[first & 31]
  if (some === undefined) return false
  for (const word of some) if (begins(buffer, at, word)) return true
  return false
}

function begins(buffer: Buffer, at: number, word: Buffer): boolean {
  for (let i = 0; i < word.length; i++) if ((buffer[at + i]! | 32) !== word[i]) return false
  return ALNUM[buffer[at + word.length]!] === 0
}
