import { randomBytes } from 'node:crypto'
import { claimAt, DOUBTFUL_EMAIL, hasDoubtfulEmail, wordsOf } from '../claims.ts'
import type { Proven } from '../auth-method.ts'
import type { OidcInput } from './keys.ts'

/** The content of a session cookie or of a record in Redis. Times in ms since 1970. */
export interface Session {
  /** Id of this login, here; stays the same over refreshes. */
  readonly id: string
  readonly name: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly claims: Readonly<Record<string, unknown>>
  /** Until then the provider vouches for it. */
  readonly until: number
  /** When it ends, whatever the provider says. */
  readonly end: number
  readonly refreshToken?: string | undefined
}

/** The parts of a token answer that make a session. */
export interface TokenAnswer {
  readonly claims: Readonly<Record<string, unknown>> | undefined
  readonly idToken: string | undefined
  readonly expiresIn: number | undefined
  readonly scope: string | undefined
  readonly refreshToken: string | undefined
}

/** How long an answer without a lifetime is valid. */
const DEFAULT_MS = 300_000
/** Claims of the ID token that backends do not need. */
const TECHNICAL = new Set(['nonce', 'at_hash', 'c_hash', 's_hash', 'iat', 'exp', 'auth_time'])

/** Undefined when the token has no name. `before`: the session that is refreshed. */
export function sessionOf(
  answer: TokenAnswer,
  input: OidcInput,
  now: number,
  before?: Session
): Session | undefined {
  const claims =
    answer.claims === undefined
      ? before?.claims
      : Object.fromEntries(Object.entries(answer.claims).filter(([name]) => !TECHNICAL.has(name)))
  const name = claimAt(claims, input.name)
  if (claims === undefined || hasDoubtfulEmail(claims, input)) return undefined
  if (typeof name !== 'string' || name === '' || name.length > 1024) return undefined
  const lasts = answer.expiresIn === undefined ? DEFAULT_MS : answer.expiresIn * 1000
  const end = before?.end ?? now + input.session
  return {
    id: before?.id ?? randomBytes(24).toString('base64url'),
    name,
    roles: input.roles === undefined ? [] : wordsOf(claimAt(claims, input.roles)),
    scopes: answer.scope === undefined ? (before?.scopes ?? input.scopes) : wordsOf(answer.scope),
    claims,
    until: Math.min(end, now + lasts),
    end,
    refreshToken: answer.refreshToken ?? before?.refreshToken
  }
}

/** What to say of tokens of which `sessionOf` makes no session. */
export function whyNoName({ claims }: TokenAnswer, input: OidcInput): string {
  const { name } = input
  if (hasDoubtfulEmail(claims, input)) return DOUBTFUL_EMAIL
  const has = Object.keys(claims ?? {}).filter((each) => !TECHNICAL.has(each))
  return `the login has no name: the ID token has no text as ${name}, only ${has.join(', ').slice(0, 300)}; "name" says which claim, and "scopes" what the provider tells`
}

export function provenSession({ name, roles, scopes, claims }: Session): Proven {
  const identity = { name, roles, scopes, claims, by: 'oidc' }
  return { kind: 'proven', identity, beyondGuessing: true, lastClient: '' }
}
