import { ProbeMismatch, type Probe } from '../probe.ts'
import { converse } from './converse.ts'
import { Answer, excerpt, type Dialogue, type Step } from './dialogue.ts'

/** PING and QUIT, as Redis and Valkey speak them (RESP); over TLS where the pool's backends speak it. */
export const redisProbe: Probe = (target, signal) =>
  converse(target, new RedisDialogue(), signal, { secure: target.tls !== undefined })

const PING = '*1\r\n$4\r\nPING\r\n'
const QUIT = '*1\r\n$4\r\nQUIT\r\n'

/** A server that asks for a password serves those who have it; one that loads its data or has lost its primary does not. */
export class RedisDialogue implements Dialogue {
  readonly #answer = new Answer(4096)

  begin(): Step {
    return { send: PING }
  }

  received(bytes: Buffer): Step | undefined {
    this.#answer.add(bytes)
    const end = this.#answer.text.indexOf('\r\n')
    if (end === -1) return undefined
    const line = this.#answer.text.slice(0, end)
    if (line === '+PONG') return { send: QUIT, passed: 'PONG' }
    if (line.startsWith('-NOAUTH ')) return { send: QUIT, passed: 'asks for a password' }
    if (line.startsWith('-')) throw new ProbeMismatch(line.slice(1, 120), QUIT)
    throw new ProbeMismatch(`not Redis: ${excerpt(line)}`)
  }

  closed(): Step {
    throw new ProbeMismatch(`closed after ${excerpt(this.#answer.text)}`)
  }
}
