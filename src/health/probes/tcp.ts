import type { ProbeConfig } from '../../config/model/model.ts'
import { MOST_BYTES, ProbeMismatch, type Probe } from '../probe.ts'
import { converse } from './converse.ts'
import { excerpt, type Dialogue, type Step } from './dialogue.ts'
import { TextSearch } from './text-search.ts'

/** Connects; with `expect`, also reads until the text has come (after `send`, where the backend does not speak first). */
export const tcpProbe: Probe = (target, signal) =>
  converse(target, new TextDialogue(target.config, 'connected'), signal)

/** A TLS handshake; then as tcp. */
export const tlsProbe: Probe = (target, signal) =>
  converse(target, new TextDialogue(target.config, 'TLS established'), signal, { secure: true })

/** Sends a text and waits for one. */
export class TextDialogue implements Dialogue {
  readonly #config: Pick<ProbeConfig, 'send' | 'expect'>
  readonly #connected: string
  readonly #search: TextSearch | undefined
  #first = ''

  /** `connected`: what was seen where no answer is expected. */
  constructor(config: Pick<ProbeConfig, 'send' | 'expect'>, connected: string) {
    this.#config = config
    this.#connected = connected
    if (config.expect !== undefined) this.#search = new TextSearch(config.expect)
  }

  begin(): Step {
    const { send } = this.#config
    return {
      ...(send !== undefined && { send }),
      ...(this.#search === undefined && { passed: this.#connected })
    }
  }

  received(bytes: Buffer): Step | undefined {
    if (this.#first.length < 60) this.#first += bytes.toString('latin1', 0, 60)
    if (this.#search!.found(bytes)) return { passed: `answered ${excerpt(this.#first)}` }
    if (this.#search!.seen > MOST_BYTES) throw new ProbeMismatch(`${MOST_BYTES} bytes without the text`)
    return undefined
  }

  closed(): Step {
    throw new ProbeMismatch(`closed after ${excerpt(this.#first)}`)
  }
}
