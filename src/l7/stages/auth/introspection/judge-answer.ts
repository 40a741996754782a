import { claimAt, wordsOf } from '../claims.ts'
import type { Denied, Proven } from '../auth-method.ts'
import type { Asked } from '../asking/authority.ts'
import type { IntrospectionInput } from './keys.ts'

const MAX_NAME = 1024

/** The meaning of an answer (RFC 7662 §2.2). `until` in ms since 1970: the token expires then. */
export type Judged =
  | { readonly proven: Proven; readonly until: number }
  | { readonly denied: Denied; readonly until?: undefined }

/** `now` in ms since 1970. Only a complete, well-formed answer with "active": true accepts the token. */
export function judgeAnswer({ status, body }: Asked, input: IntrospectionInput, now: number): Judged {
  if (status !== 200) return unavailable(`it answered ${status}`)
  const answer = membersOf(body)
  if (answer === undefined) return unavailable('its answer is not a JSON object')
  const { active, iss, aud, exp, nbf, cnf } = answer
  if (active === false) return refused('the token is not active')
  if (active !== true) return unavailable('it does not say whether the token is active')
  if (input.issuer !== undefined && iss !== input.issuer) return refused('from another issuer')
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (input.audience.length > 0 && !input.audience.some((one) => audience.includes(one)))
    return refused('for another audience')
  if (exp !== undefined && !isTime(exp)) return refused('exp is not a number')
  if (exp !== undefined && exp * 1000 + input.skew <= now) return refused('expired')
  if (nbf !== undefined && !isTime(nbf)) return refused('nbf is not a number')
  if (nbf !== undefined && nbf * 1000 - input.skew > now) return refused('not valid yet')
  // RFC 9449 §6.2, RFC 8705 §3.2: the client would have to prove that it has the key.
  if (cnf !== undefined) return refused('bound to a key of the client, and sent without a proof')
  const name = claimAt(answer, input.name)
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME)
    return refused(`${input.name} is missing or not a text`)
  const identity = {
    name,
    roles: input.roles === undefined ? [] : wordsOf(claimAt(answer, input.roles)),
    scopes: wordsOf(claimAt(answer, input.scopes)),
    claims: answer,
    by: 'introspection'
  }
  return {
    proven: { kind: 'proven', identity, beyondGuessing: true, lastClient: '' },
    until: exp === undefined ? Infinity : exp * 1000 + input.skew
  }
}

export function unavailable(reason: string): { readonly denied: Denied } {
  return { denied: { kind: 'denied', code: 'LB_AUTH_UNAVAILABLE', reason: `introspection: ${reason}` } }
}

function refused(reason: string): { readonly denied: Denied } {
  return { denied: { kind: 'denied', reason, error: 'invalid_token', guess: true } }
}

function membersOf(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
