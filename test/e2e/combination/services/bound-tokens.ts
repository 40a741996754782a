import { createHash, createSecretKey, randomUUID, X509Certificate } from 'node:crypto'
import { Nonces } from '../../../../src/l7/stages/auth/jwt/dpop/nonces.ts'
import { ecKey, signed, type SigningKey } from '../../../l7/stages/auth/issuer.ts'
import type { Plan } from '../plan.ts'

export const SECRET = 'a secret of this world that is long enough'
/** Long enough for a request that is late. */
export const NONCE_TIME = '5m'
const nonces = new Nonces(300_000, Buffer.from(SECRET))
const secret = createSecretKey(Buffer.from(SECRET))
const mine = ecKey('mine')
const theirs = ecKey('theirs')

const digest = (of: string | Buffer): string => createHash('sha256').update(of).digest('base64url')

function thumbprint({ publicKey }: SigningKey): string {
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' })
  return digest(JSON.stringify({ crv, kty, x, y }))
}

function token(cnf: object, name: string): string {
  const exp = Math.floor(Date.now() / 1_000) + 600
  return signed({ alg: 'HS256' }, { iss: 'https://idp.test', aud: 'lb', sub: name, exp, cnf }, secret)
}

function proof(of: string, { method, host, path }: Plan, scheme: string, key: SigningKey, nonce: string | undefined): string {
  const [bare] = path.split('?')
  const claims = { jti: randomUUID(), nonce, htm: method, htu: `${scheme}://${host}${bare}`, iat: Math.floor(Date.now() / 1_000), ath: digest(of) }
  return signed({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.publicKey.export({ format: 'jwk' }) }, claims, key.privateKey)
} // prettier-ignore

/** What is shown again and again, by world and scheme. */
const shownBefore = new Map<string, string>()

/** The fields by which a plan shows its token, where it has one. */
export function boundFields(plan: Plan, certificate: string): string {
  const { bound, id, door } = plan
  if (bound === undefined) return ''
  if (bound.endsWith('certificate')) {
    const shown = bound === 'certificate' ? digest(new X509Certificate(certificate).raw) : digest('another')
    return `Authorization: Bearer ${token({ 'x5t#S256': shown }, id)}\r\n`
  }
  const again = `${id.slice(0, id.indexOf('-'))} ${door.endsWith('tls')} ${plan.host}`
  const before = bound === 'seen proof' ? shownBefore.get(again) : undefined
  if (before !== undefined) return before
  const bearer = token({ jkt: thumbprint(mine) }, id)
  const scheme = door.endsWith('tls') ? 'https' : 'http'
  const key = bound === 'stolen proof' ? theirs : mine
  const nonce =
    bound === 'no nonce' ? undefined : bound === 'guessed nonce' ? 'guessed' : nonces.current(Date.now())
  const shown = bound === 'no proof' ? '' : `DPoP: ${proof(bearer, plan, scheme, key, nonce)}\r\n`
  const fields = `Authorization: DPoP ${bearer}\r\n${shown}`
  if (bound === 'seen proof') shownBefore.set(again, fields)
  return fields
}
