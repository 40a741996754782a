import type { Exchange } from '../exchange/exchange.ts'
import { sendLocal } from '../exchange/response/local-answer.ts'
import { ANSWERED, type Verdict } from '../stages/verdict.ts'
import { checkedLine } from '../message/checked-line.ts'
import type { PluginExchange } from './plugin.ts'

export interface PluginAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text goes as UTF-8, and as text/plain where no Content-Type says otherwise. */
  readonly body?: string | Uint8Array
}

/** Answers the client; a plugin's `request` returns what this returns. */
export function answer(exchange: PluginExchange, { status, headers = {}, body = '' }: PluginAnswer): Verdict {
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new RangeError(`${status} is no status of a final response`)
  let fields = ''
  let typed = false
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'content-type') typed = true
    fields += checkedLine(name, value)
  }
  if (typeof body === 'string' && body !== '' && !typed)
    fields += 'Content-Type: text/plain; charset=utf-8\r\n'
  const bytes = Buffer.from(body)
  const whole = exchange as Exchange
  if (whole.ended || whole.headSent) return ANSWERED
  sendLocal(whole, status, fields, bytes)
  // Behind an `await` nobody else does.
  whole.downstream.flush()
  return ANSWERED
}
