import { hash as oneHash } from 'node:crypto'
import { cryptBase64 } from './crypt-base64.ts'

const DEFAULT_ROUNDS = 5000
const MIN_ROUNDS = 1000
/** The format allows a thousand times as many, which would take hours for one guess. */
const MAX_ROUNDS = 1_000_000

const GROUPS_256 = groups(30, (i) => [i % 3, (i + 1) % 3, (i + 2) % 3])
const GROUPS_512 = groups(63, (i) => [i % 3, (i + 1) % 3, (i + 2) % 3])

/**
 * `$5$…` and `$6$…`: SHA-crypt by Ulrich Drepper. `parameters`: the text after the magic, with or without rounds.
 * Undefined when it is malformed.
 */
export function shaCrypt(password: Buffer, magic: '$5$' | '$6$', parameters: string): string | undefined {
  const match = /^(?:rounds=(\d{1,9})\$)?([^$]{0,64})/.exec(parameters)
  if (match === null) return undefined
  const name = magic === '$5$' ? 'sha256' : 'sha512'
  const size = magic === '$5$' ? 32 : 64
  const wanted = match[1] === undefined ? DEFAULT_ROUNDS : Math.max(MIN_ROUNDS, Number(match[1]))
  if (wanted > MAX_ROUNDS) return undefined
  const salt = Buffer.from(match[2]!).subarray(0, 16)
  const hash = (...parts: Buffer[]): Buffer => oneHash(name, Buffer.concat(parts), 'buffer')
  const stretched = (digest: Buffer, length: number): Buffer =>
    Buffer.concat(Array.from({ length: Math.ceil(length / size) || 1 }, () => digest)).subarray(0, length)

  const mixed = hash(password, salt, password)
  const parts = [password, salt, stretched(mixed, password.length)]
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? mixed : password)
  let digest = hash(...parts)

  const repeated = hash(...Array.from({ length: password.length }, () => password))
  const p = stretched(repeated, password.length)
  const salts = hash(...Array.from({ length: 16 + digest[0]! }, () => salt))
  const s = stretched(salts, salt.length)
  for (let round = 0; round < wanted; round++) {
    const odd = round % 2 === 1
    const step = [odd ? p : digest]
    if (round % 3 !== 0) step.push(s)
    if (round % 7 !== 0) step.push(p)
    step.push(odd ? digest : p)
    digest = hash(...step)
  }
  const rounds = match[1] === undefined ? '' : `rounds=${wanted}$`
  const text = cryptBase64(digest, magic === '$5$' ? GROUPS_256 : GROUPS_512)
  return `${magic}${rounds}${salt.toString()}$${text}`
}

/** Bytes a third of the digest apart; their order rotates by one from group to group. */
function groups(bytes: 30 | 63, turn: (i: number) => number[]): (readonly [number, number, number])[] {
  const third = bytes / 3
  const made: [number, number, number][] = []
  for (let i = 0; i < third; i++) {
    const places = [i, i + third, i + 2 * third]
    // SHA-256 rotates one way, SHA-512 the other.
    const [a, b, c] = bytes === 30 ? turn(3 - (i % 3)) : turn(i)
    made.push([places[a!]!, places[b!]!, places[c!]!])
  }
  made.push(bytes === 30 ? [-1, 31, 30] : [-1, -1, 63])
  return made
}
