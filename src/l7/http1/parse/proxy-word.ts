import { ALNUM } from '../../message/chars.ts'

const LETTER_C = 99
const LETTER_F = 102
const LETTER_T = 116
const LETTER_X = 120
const TRUE = Buffer.from('true')
const CLIENT = Buffer.from('client')
const CLOUDFLARE = Buffer.from('cf')
const FASTLY = Buffer.from('fastly')
const FRONT = Buffer.from('front')

/**
 * Whether a field name may be one of `FORWARDING_FIELDS`, Forwarded excepted: `X-Real-IP`, `Client-IP`. Servers that make
 * variables of field names treat any punctuation as a hyphen: `true_client_ip`. Called for each field line.
 */
export function isWordOfProxy(buffer: Buffer, at: number): boolean {
  switch (buffer[at]! | 32) {
    case LETTER_X:
      return ALNUM[buffer[at + 1]!] === 0
    case LETTER_C:
      return begins(buffer, at, CLIENT) || begins(buffer, at, CLOUDFLARE)
    case LETTER_F:
      return begins(buffer, at, FRONT) || begins(buffer, at, FASTLY)
    case LETTER_T:
      return begins(buffer, at, TRUE)
    default:
      return false
  }
}

function begins(buffer: Buffer, at: number, word: Buffer): boolean {
  for (let i = 0; i < word.length; i++) if ((buffer[at + i]! | 32) !== word[i]) return false
  return ALNUM[buffer[at + word.length]!] === 0
}
