import { ProbeMismatch } from '../probe.ts'

/** What a probe does next. */
export interface Step {
  readonly send?: string | Buffer
  /** The probe has passed: what was seen. What is in `send` is then the goodbye, after which the backend closes. */
  readonly passed?: string
  /** The backend still sends what nobody needs: it may end before the connection is closed. */
  readonly lingers?: boolean
}

/**
 * A probe's side of a conversation, without a socket or a clock: fed bytes, it says what to send and when the probe has
 * passed. It throws a ProbeMismatch, and nothing else, when the backend says what a healthy one does not.
 */
export interface Dialogue {
  /** Connected. Undefined: the backend speaks first. */
  begin(): Step | undefined
  /** The next bytes of the answer, in whatever pieces. Undefined: more is needed. */
  received(bytes: Buffer): Step | undefined
  /** The backend has closed its side. */
  closed(): Step
}

/** The words of a mismatch with the first bytes that were seen. */
export function excerpt(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.slice(0, 60))
}

/** Gathers an answer that is small by nature. */
export class Answer {
  readonly #most: number
  text = ''

  constructor(mostBytes: number) {
    this.#most = mostBytes
  }

  add(bytes: Buffer): void {
    this.text += bytes.toString('latin1')
    if (this.text.length > this.#most) {
      throw new ProbeMismatch(`answered more than ${this.#most} bytes: ${excerpt(this.text)}`)
    }
  }
}
