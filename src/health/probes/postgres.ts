import { ProbeMismatch, type Probe } from '../probe.ts'
import { converse } from './converse.ts'
import type { Dialogue, Step } from './dialogue.ts'

/** A startup message, as pg_isready sends it: a server that starts, stops or recovers refuses it. */
export const postgresProbe: Probe = (target, signal) =>
  converse(target, new PostgresDialogue(target.config.user), signal)

const PROTOCOL_3 = 196_608
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])
const MOST_MESSAGE = 64 * 1024
/** SQLSTATE classes that say that the server cannot serve: no resources (53), operator's doing (57), system and internal errors. */
const UNFIT = /^(53|57|58|XX|F0)/

/** A demand for a password or an unknown user passes: the server works for clients with a valid login. */
export class PostgresDialogue implements Dialogue {
  readonly #user: string
  #bytes = Buffer.alloc(0)

  constructor(user: string) {
    this.#user = user
  }

  begin(): Step {
    const settings = `user\0${this.#user}\0database\0postgres\0application_name\0lb-probe\0\0`
    const message = Buffer.alloc(8 + Buffer.byteLength(settings))
    message.writeInt32BE(message.length, 0)
    message.writeInt32BE(PROTOCOL_3, 4)
    message.write(settings, 8)
    return { send: message }
  }

  received(bytes: Buffer): Step | undefined {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    for (;;) {
      if (this.#bytes.length < 5) return undefined
      const type = String.fromCharCode(this.#bytes[0]!)
      const length = this.#bytes.readUInt32BE(1)
      if (!/[REN]/.test(type) || length < 4 || length > MOST_MESSAGE) {
        throw new ProbeMismatch(`not PostgreSQL: ${JSON.stringify(this.#bytes.toString('latin1', 0, 40))}`)
      }
      if (this.#bytes.length < 1 + length) return undefined
      const body = this.#bytes.subarray(5, 1 + length)
      this.#bytes = this.#bytes.subarray(1 + length)
      if (type === 'N') continue
      return type === 'R' ? authentication(body) : refusal(body)
    }
  }

  closed(): Step {
    throw new ProbeMismatch('closed without an answer')
  }
}

/** When it asks for a password, the only clean goodbye is to close: anything else is an error in its log. */
function authentication(body: Buffer): Step {
  const trusted = body.length >= 4 && body.readUInt32BE(0) === 0
  return trusted
    ? { send: TERMINATE, passed: 'accepts connections' }
    : { send: '', passed: 'accepts connections (asks for a password)' }
}

/** ErrorResponse: fields of a letter and a text each, `C` the SQLSTATE, `M` the message. */
function refusal(body: Buffer): Step {
  let code = ''
  let message = ''
  for (const field of body.toString('utf8').split('\0')) {
    if (field.startsWith('C')) code = field.slice(1, 6)
    else if (field.startsWith('M')) message = field.slice(1, 121)
  }
  if (code === '' || UNFIT.test(code)) throw new ProbeMismatch(`${code} ${message}`.trim())
  return { send: '', passed: `accepts connections (${message})` }
}
