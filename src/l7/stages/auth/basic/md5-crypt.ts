import { createHash } from 'node:crypto'
import { cryptBase64 } from './crypt-base64.ts'

const GROUPS = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [-1, -1, 11]] as const // prettier-ignore

const md5 = (...parts: Buffer[]): Buffer => createHash('md5').update(Buffer.concat(parts)).digest()

/** `$apr1$salt$…` and `$1$salt$…`: a thousand rounds of MD5. */
export function md5Crypt(password: Buffer, magic: '$apr1$' | '$1$', saltText: string): string {
  const salt = Buffer.from(saltText.slice(0, 8))
  const mixed = md5(password, salt, password)
  const parts = [password, Buffer.from(magic), salt]
  for (let left = password.length; left > 0; left -= 16) parts.push(mixed.subarray(0, Math.min(16, left)))
  for (let bits = password.length; bits > 0; bits >>= 1) {
    parts.push((bits & 1) === 1 ? Buffer.from([0]) : password.subarray(0, 1))
  }
  let digest = md5(...parts)
  for (let round = 0; round < 1000; round++) {
    const odd = round % 2 === 1
    const step = [odd ? password : digest]
    if (round % 3 !== 0) step.push(salt)
    if (round % 7 !== 0) step.push(password)
    step.push(odd ? digest : password)
    digest = md5(...step)
  }
  return `${magic}${salt.toString()}$${cryptBase64(digest, GROUPS)}`
}
