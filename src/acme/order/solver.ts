import { createHash } from 'node:crypto'
import type { AcmeChallenge } from '../../config/model/acme-model.ts'
import type { SharedChallenge, SharedChallenges } from '../storage/acme-storage.ts'
import type { Challenges } from '../../net/tls/challenges.ts'
import { challengeCertificate, challengeServerName } from './challenge-certificate.ts'
import { runHook } from './hook.ts'

/** What an authority will check. */
export interface Asked {
  /** The identifier, without `*.`. */
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
}

/** Makes an answer available to the authority. Resolves once it is, with a function that removes it. */
export type Solver = (asked: Asked) => Promise<() => Promise<void>>

export interface SolverDeps {
  readonly challenges: Challenges
  /** Present where several instances share the storage. */
  readonly shared: SharedChallenges | undefined
  readonly wall: () => number
  readonly hook: readonly string[] | undefined
}

export function solverFor(kind: AcmeChallenge, { challenges, shared, wall, hook }: SolverDeps): Solver {
  switch (kind) {
    case 'http-01':
      return async ({ token, keyAuthorization }) => {
        challenges.putToken(token, keyAuthorization)
        return told(shared, { token, keyAuthorization }, () => challenges.remove(token))
      }
    case 'tls-alpn-01':
      return async ({ name, keyAuthorization }) => {
        const serverName = challengeServerName(name)
        const pair = await challengeCertificate(name, keyAuthorization, wall())
        challenges.putCertificate(serverName, pair)
        return told(shared, { serverName, pair }, () => challenges.remove(serverName))
      }
    case 'dns-01':
      return async ({ name, keyAuthorization }) => {
        const record = `_acme-challenge.${name}.`
        // RFC 8555 §8.4.
        const text = createHash('sha256').update(keyAuthorization).digest('base64url')
        await runHook(hook!, 'present', record, text)
        return () => runHook(hook!, 'cleanup', record, text)
      }
  }
}

/** Every other instance must be able to answer too, before the authority is told. */
async function told(
  shared: SharedChallenges | undefined,
  challenge: SharedChallenge,
  remove: () => void
): Promise<() => Promise<void>> {
  try {
    const takeBack = await shared?.put(challenge)
    return async () => {
      remove()
      await takeBack?.()
    }
  } catch (error) {
    remove()
    throw error
  }
}
