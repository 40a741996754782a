import type { Exchange } from '../../exchange/exchange.ts'
import { sendLocal } from '../../exchange/response/local-answer.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

/** RFC 8555 §8.3. */
const PREFIX = '/.well-known/acme-challenge/'
const FIELDS = 'Content-Type: application/octet-stream\r\nCache-Control: no-store\r\n'

/** Answers http-01 validations of pending tokens; other paths below the prefix belong to the routes. */
export function compile(_keys: undefined, { listener, engine }: StageContext): Stage | undefined {
  const { challenges } = engine
  if (!listener.answersChallenges || challenges === undefined) return undefined
  return {
    name: 'acme-challenge',

    request(exchange: Exchange): Verdict {
      const { path } = exchange
      if (!path.startsWith(PREFIX)) return GO_ON
      const answer = challenges.keyAuthorization(path.slice(PREFIX.length))
      if (answer === undefined) return GO_ON
      sendLocal(exchange, 200, FIELDS, Buffer.from(answer))
      return ANSWERED
    }
  }
}
