import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/core/clock.ts'
import type { Logger } from '../../../src/core/log/log.ts'
import { HeaderBlock } from '../../../src/l7/message/header-block.ts'
import type { Exchange } from '../../../src/l7/exchange/exchange.ts'
import { ApiKeys } from '../../../src/l7/stages/auth/api-keys/api-keys.ts'
import { apiKeysSchema } from '../../../src/l7/stages/auth/api-keys/keys.ts'
import type { AuthMethod } from '../../../src/l7/stages/auth/auth-method.ts'
import { Jwt } from '../../../src/l7/stages/auth/jwt/jwt.ts'
import { jwtSchema } from '../../../src/l7/stages/auth/jwt/keys.ts'
import { check, sink, type MicroCase } from '../micro-case.ts'

const KNOWN = 10_000
const silent = { info() {}, warn() {}, error() {} } as unknown as Logger
const context = { realm: 'web', clock: systemClock, log: silent, dry: false }

/** One request after the other with another credential, each a new string as it comes from a socket. */
function asked(
  name: string,
  make: () => { readonly method: AuthMethod | undefined; readonly fields: string[] }
): MicroCase {
  return {
    group: 'auth',
    name,
    prepare: () => {
      const { method, fields } = make()
      const heads = fields.map((field) => Buffer.from(`Host: a\r\nAccept: */*\r\n${field}\r\n`, 'latin1'))
      const request = { headers: new HeaderBlock('') }
      const exchange = { request, query: undefined } as unknown as Exchange
      const one = (i: number): unknown => {
        request.headers = new HeaderBlock(heads[(i * 7919) % heads.length]!.toString('latin1'))
        return method === undefined
          ? (request.headers.get('x-api-key') ?? request.headers.get('authorization'))
          : method.check(exchange)
      }
      for (let i = 0; i < heads.length; i++)
        check(method === undefined || (one(i) as { kind: string }).kind === 'proven', `${name} lets in`)
      return (count) => {
        for (let i = 0; i < count; i++) sink.value = one(i)
      }
    }
  }
}

function apiKeys() {
  const keys = Array.from({ length: KNOWN }, () => randomBytes(24).toString('base64url'))
  const input = apiKeysSchema.parse({ keys: Object.fromEntries(keys.map((key, i) => [`user-${i}`, key])) })
  return { method: new ApiKeys(input, context), fields: keys.map((key) => `X-Api-Key: ${key}`) }
}

function jwt() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const folder = mkdtempSync(join(tmpdir(), 'lb-bench-'))
  const file = join(folder, 'jwks.json')
  writeFileSync(file, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one' }] }))
  const input = jwtSchema.parse({ issuer: 'https://idp.example', audience: 'api', jwks: `file:${file}` })
  const method = new Jwt(input, context)
  rmSync(folder, { recursive: true })
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 36_000
  const roles = Array.from({ length: 20 }, (_, i) => `role-${i}`)
  const fields = Array.from({ length: KNOWN }, (_, i) => {
    const claims = { iss: 'https://idp.example', aud: 'api', sub: `user-${i}`, exp, roles }
    const data = `${part({ alg: 'ES256', kid: 'one' })}.${part(claims)}`
    const signature = sign('sha256', Buffer.from(data), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `Authorization: Bearer ${data}.${signature.toString('base64url')}`
  })
  return { method, fields }
}

export const cases: readonly MicroCase[] = [
  asked('an API key, without asking', () => ({ ...apiKeys(), method: undefined })),
  asked('an API key, of 10,000', apiKeys),
  asked('a JWT that is known, without asking', () => ({ ...jwt(), method: undefined })),
  asked('a JWT that is known, of 10,000', jwt)
]
