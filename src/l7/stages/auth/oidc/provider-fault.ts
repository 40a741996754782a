import { messageOf } from '../../../../core/errors.ts'
import { own } from '../../../../core/own.ts'

type Facts = Readonly<Record<string, unknown>>

/**
 * Why the provider's answer was not accepted, in words for the log. openid-client says in its message what kind of fault
 * it is, and in `cause` what was found; no token, code or nonce is repeated here.
 */
export function providerFault(error: unknown): string {
  const { error: code, error_description: description } = error as Facts
  if (typeof code === 'string') return spoken(code, description)
  const fault = (error as { cause?: unknown }).cause
  // Node's fetch says no more than "fetch failed" itself.
  if ((error as Error).message === 'fetch failed' && fault !== undefined) return messageOf(fault)
  const facts = factsOf((fault as { cause?: unknown } | undefined)?.cause) ?? factsOf(fault)
  return (facts && explained(facts)) ?? messageOf(error)
}

/** The provider's own words (RFC 6749 §4.1.2.1, §5.2): they come from outside, so they are shortened. */
function spoken(code: string, description: unknown): string {
  const more = typeof description === 'string' && description !== '' ? `: ${description.slice(0, 300)}` : ''
  const hint = code === 'invalid_client' ? ' (check clientId, clientSecret and clientAuth)' : ''
  return `the provider says ${code.slice(0, 100)}${more}${hint}`
}

/** Whether the provider did not answer, or not with an answer: the same may succeed later. */
export function isOutage(error: unknown): boolean {
  const { code, cause, message } = error as { code?: unknown; cause?: unknown; message?: unknown }
  const status = factsOf(cause)?.['status']
  return (
    code === 'OAUTH_TIMEOUT' ||
    code === 'OAUTH_ABORT' ||
    message === 'fetch failed' ||
    (typeof status === 'number' && status >= 500)
  )
}

function explained(facts: Facts): string | undefined {
  const { status, expected, body, attribute, claims, claim, now } = facts
  if (typeof status === 'number') return `answered with status ${status}`
  if (attribute === 'issuer' && typeof expected === 'string') {
    return `its metadata names the issuer ${shown(own(factsOf(body) ?? {}, 'issuer'))}; "issuer" here is "${expected}"`
  }
  const name = typeof claim === 'string' ? claim : undefined
  const value = name === undefined ? undefined : own(factsOf(claims) ?? {}, name)
  if (name !== undefined && typeof now === 'number') {
    const apart = typeof value === 'number' ? `, ${Math.round(Math.abs(value - now))} s from now` : ''
    return `${name} of the ID token is not valid${apart}: do the clocks agree (skew)?`
  }
  if (name === 'nonce') return 'the ID token is of another login (nonce)'
  if (name !== undefined) return `the ID token has ${shown(value)} as ${name}, not ${shown(expected)}`
  return undefined
}

function factsOf(value: unknown): Facts | undefined {
  return typeof value === 'object' && value !== null ? (value as Facts) : undefined
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300)
}
