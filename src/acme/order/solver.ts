import { createHash } from 'node:crypto'
import type { AcmeChallenge } from '../../config/model/acme-model.ts'
import type { SharedChallenges } from '../storage/acme-storage.ts'
import type { ChallengeAnswer, Challenges } from '../../net/tls/challenges.ts'
import { challengeCertificate, challengeServerName } from './challenge-certificate.ts'
import { runHook } from './hook.ts'

/** What an authority will check. */
export interface Asked {
  /** The identifier, without `*.`. */
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
}

/** What is to be answered over a start too is kept. */
export type Keep = (answer: ChallengeAnswer) => Promise<void>

/** Makes an answer available to the authority. Resolves once it is, with a function that removes it. */
export type Solver = (asked: Asked, keep: Keep) => Promise<() => Promise<void>>

export interface SolverDeps {
  readonly challenges: Challenges
  /** Present where several instances share the storage. */
  readonly shared: SharedChallenges | undefined
  readonly wall: () => number
  readonly hook: readonly string[] | undefined
}

export function solverFor(kind: AcmeChallenge, { challenges, shared, wall, hook }: SolverDeps): Solver {
  /** Every other instance, and a process that follows this one, must be able to answer too, before the authority is told. */
  const given = async (answer: ChallengeAnswer, keep: Keep): Promise<() => Promise<void>> => {
    challenges.put(answer)
    try {
      await keep(answer)
      const takeBack = await shared?.put(answer)
      return async () => {
        challenges.remove(answer)
        await takeBack?.()
      }
    } catch (error) {
      challenges.remove(answer)
      throw error
    }
  }
  switch (kind) {
    case 'http-01':
      return ({ token, keyAuthorization }, keep) => given({ token, keyAuthorization }, keep)
    case 'tls-alpn-01':
      return async ({ name, keyAuthorization }, keep) => {
        const pair = await challengeCertificate(name, keyAuthorization, wall())
        return given({ serverName: challengeServerName(name), pair }, keep)
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
