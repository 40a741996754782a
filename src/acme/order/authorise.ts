import { AcmeError, detailOf, typeOf } from '../client/acme-error.ts'
import { cureOf } from './cure.ts'
import type { AuthorizationResource } from '../client/resources.ts'
import type { StepDeps } from './obtain-deps.ts'
import { poll } from './poll.ts'

const TOKEN = /^[\w-]{16,256}$/

/** Proves to the authority that a name is ours. */
export async function authorise(deps: StepDeps, url: string): Promise<void> {
  const { account, challenge: kind, solver, keep } = deps
  const authorization = (await account.post(url)).body as AuthorizationResource
  // Proved before, and still valid (RFC 8555 §7.1.3).
  if (authorization.status === 'valid') return
  const challenge = authorization.challenges.find(({ type }) => type === kind)
  if (challenge === undefined) {
    const offered = authorization.challenges.map(({ type }) => type).join(', ')
    throw new AcmeError('unsupportedChallenge', `it offers no ${kind} for this name, but ${offered}`, {
      status: 400
    })
  }
  const { token = '' } = challenge
  if (!TOKEN.test(token)) throw new AcmeError('serverInternal', 'its token is none', { status: 400 })
  const keyAuthorization = await account.keyAuthorization(token)
  const takeAway = await solver({ name: authorization.identifier.value, token, keyAuthorization }, keep)
  try {
    // A challenge that an earlier process has begun is not started again.
    const answer = challenge.status === 'pending' ? await account.post(challenge.url, {}) : undefined
    const busy = ({ status }: AuthorizationResource) => status === 'pending'
    const { status, challenges } = await poll<AuthorizationResource>(deps, url, busy, answer)
    if (status === 'valid') return
    const error = challenges.find(({ error }) => detailOf(error) !== undefined)?.error
    const why = detailOf(error) ?? `the authorization has become ${status}`
    const cure = error === undefined ? undefined : cureOf(typeOf(error) ?? '', kind, why)
    throw new AcmeError('unauthorized', cure === undefined ? why : `${why}; ${cure}`, { status: 403 })
  } finally {
    await takeAway().catch(() => {})
  }
}
