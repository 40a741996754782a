import { claimAt, DOUBTFUL_EMAIL, hasDoubtfulEmail, wordsOf } from '../claims.ts'
import type { JwtAlgorithm } from './keys.ts'
import type { Token } from './read-token.ts'

/** The part of the configuration that a token is checked against. */
export interface TokenRules {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly audienceClaim: string
  readonly algorithms: readonly JwtAlgorithm[]
  /** Milliseconds. */
  readonly skew: number
  readonly name: string
  readonly unverifiedEmail: boolean
  readonly roles?: string | undefined
  readonly scopes: string
}

const TYPES = ['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']
const MAX_NAME = 1024

/** The algorithm, or a sentence on what is wrong with the header. URLs of keys in the header are ignored. */
export function algorithmOf(
  { header }: Token,
  { algorithms }: TokenRules
): JwtAlgorithm | { readonly wrong: string } {
  const algorithm = algorithms.find((name) => name === header['alg'])
  if (algorithm === undefined) return { wrong: 'signed by an algorithm that is not allowed' }
  const { typ, kid } = header
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.includes(typ.toLowerCase()))) {
    return { wrong: 'another type of token' }
  }
  if (kid !== undefined && !(typeof kid === 'string' && kid.length <= 512)) return { wrong: 'kid is no text' }
  for (const name of ['crit', 'b64', 'zip', 'cty', 'enc']) {
    if (Object.hasOwn(header, name)) return { wrong: `${name} in the header is not understood` }
  }
  return algorithm
}

/** A sentence on why the claims are not accepted; undefined: they are. `now` in ms since 1970. */
export function whyNot({ claims }: Token, rules: TokenRules, now: number): string | undefined {
  const { iss, exp, nbf, iat } = claims
  if (iss !== rules.issuer) return 'from another issuer'
  const aud = claimAt(claims, rules.audienceClaim)
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audience.every((one) => typeof one === 'string'))
    return `${rules.audienceClaim} is missing or not a text`
  if (!rules.audience.some((one) => audience.includes(one)))
    return `for another audience: ${audience.join(', ').slice(0, 200)}`
  if (!isTime(exp)) return 'exp is missing or not a number'
  if (exp * 1000 + rules.skew <= now) return 'expired'
  if (nbf !== undefined && !isTime(nbf)) return 'nbf is not a number'
  if (nbf !== undefined && nbf * 1000 - rules.skew > now) return 'not valid yet'
  if (iat !== undefined && !isTime(iat)) return 'iat is not a number'
  if (iat !== undefined && iat * 1000 - rules.skew > now) return 'issued in the future'
  const name = claimAt(claims, rules.name)
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME)
    return `${rules.name} is missing or not a text`
  if (hasDoubtfulEmail(claims, rules)) return DOUBTFUL_EMAIL
  return undefined
}

/** Only for a token that `whyNot` accepts. */
export function identityOf({ claims }: Token, rules: TokenRules) {
  return {
    name: claimAt(claims, rules.name) as string,
    roles: rules.roles === undefined ? [] : wordsOf(claimAt(claims, rules.roles)),
    scopes: wordsOf(claimAt(claims, rules.scopes)),
    claims,
    by: 'jwt'
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
