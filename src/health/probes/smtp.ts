import { ProbeMismatch, type Probe } from '../probe.ts'
import { converse } from './converse.ts'
import { Answer, excerpt, type Dialogue, type Step } from './dialogue.ts'

/** Greeting, EHLO and QUIT (RFC 5321); over TLS where the pool's backends speak it. */
export const smtpProbe: Probe = (target, signal) =>
  converse(target, new SmtpDialogue(target.config.host ?? 'localhost'), signal, {
    secure: target.tls !== undefined
  })

const QUIT = 'QUIT\r\n'

/** A mail server that greets with 220 and knows EHLO. */
export class SmtpDialogue implements Dialogue {
  readonly #name: string
  readonly #answer = new Answer(16 * 1024)
  #greeted = false

  /** `name`: whom EHLO says it is. */
  constructor(name: string) {
    this.#name = name
  }

  begin(): undefined {
    return undefined
  }

  received(bytes: Buffer): Step | undefined {
    this.#answer.add(bytes)
    const { text } = this.#answer
    // RFC 5321 §4.2.1: the last line of a reply has a space, or nothing, after its code.
    const last = /^(\d{3})(?: [^\n]*)?\r?\n/m.exec(text)
    if (last === null) {
      const feed = text.indexOf('\n')
      if (feed !== -1 && !/^\d{3}-/.test(text)) throw new ProbeMismatch(`not SMTP: ${excerpt(text)}`)
      return undefined
    }
    const code = last[1]!
    const words = text.slice(0, text.indexOf('\n')).trim()
    if (code !== (this.#greeted ? '250' : '220')) throw new ProbeMismatch(words.slice(0, 120), QUIT)
    if (this.#greeted) return { send: QUIT, passed: 'greets and knows EHLO' }
    this.#greeted = true
    this.#answer.text = text.slice(last.index + last[0].length)
    return { send: `EHLO ${this.#name}\r\n` }
  }

  closed(): Step {
    throw new ProbeMismatch(`closed after ${excerpt(this.#answer.text)}`)
  }
}
