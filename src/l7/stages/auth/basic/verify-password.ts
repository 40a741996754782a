import * as crypto from 'node:crypto'
import { compareSync } from 'bcryptjs'
import { md5Crypt } from './md5-crypt.ts'
import { shaCrypt } from './sha-crypt.ts'

/** The most memory that one check may use. */
const MAX_MEMORY = 256 * 1024 * 1024

/**
 * Whether a password matches a hash as htpasswd and crypt(3) write it. It takes up to a second: do not call it on an
 * event loop.
 */
export function verifyPassword(password: string, hash: string): boolean {
  const bytes = Buffer.from(password, 'utf8')
  if (/^\$2[aby]\$/.test(hash)) return compareSync(password, hash)
  if (hash.startsWith('$apr1$')) return same(md5Crypt(bytes, '$apr1$', hash.split('$')[2] ?? ''), hash)
  if (hash.startsWith('$1$')) return same(md5Crypt(bytes, '$1$', hash.split('$')[2] ?? ''), hash)
  if (hash.startsWith('$5$')) return same(shaCrypt(bytes, '$5$', hash.slice(3)), hash)
  if (hash.startsWith('$6$')) return same(shaCrypt(bytes, '$6$', hash.slice(3)), hash)
  if (hash.startsWith('$argon2')) return isArgon2(bytes, hash)
  if (hash.startsWith('$scrypt$')) return isScrypt(bytes, hash)
  return false
}

const ARGON2 =
  /^\$(argon2id|argon2i|argon2d)\$v=19\$m=(\d{1,7}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

function isArgon2(message: Buffer, hash: string): boolean {
  const [, algorithm, memory, passes, parallelism, salt, tag] = ARGON2.exec(hash) ?? []
  if (tag === undefined || !('argon2Sync' in crypto) || Number(memory) * 1024 > MAX_MEMORY) return false
  const expected = Buffer.from(tag, 'base64')
  const made = crypto.argon2Sync(algorithm as 'argon2id', {
    message,
    nonce: Buffer.from(salt!, 'base64'),
    parallelism: Number(parallelism),
    tagLength: expected.length,
    memory: Number(memory),
    passes: Number(passes)
  })
  return crypto.timingSafeEqual(made, expected)
}

const SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/.]+)\$([A-Za-z0-9+/.]+)$/

function isScrypt(password: Buffer, hash: string): boolean {
  const [, ln, r, p, salt, key] = SCRYPT.exec(hash) ?? []
  if (key === undefined || 128 * 2 ** Number(ln) * Number(r) > MAX_MEMORY) return false
  const expected = base64(key)
  const options = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: 2 * MAX_MEMORY }
  return crypto.timingSafeEqual(
    crypto.scryptSync(password, base64(salt!), expected.length, options),
    expected
  )
}

/** As passlib writes it: dots instead of pluses. */
function base64(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64')
}

function same(made: string | undefined, hash: string): boolean {
  if (made === undefined || made.length !== hash.length) return false
  return crypto.timingSafeEqual(Buffer.from(made), Buffer.from(hash))
}
