import { providerFault } from './provider-fault.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import { sendLocal } from '../../../exchange/response/local-answer.ts'
import type { Answer, Denied, Pending, Reply } from '../auth-method.ts'

export function redirection(status: number, to: string, cookies: string, reason: string): Reply {
  const fields = `Location: ${to}\r\nCache-Control: no-store\r\n${cookies}`
  return {
    kind: 'reply',
    outcome: 'login',
    reason,
    send: (exchange) => sendLocal(exchange, status, fields, Buffer.alloc(0))
  }
}

export function answered(status: number, reason: string, cookies = ''): Reply {
  const fields = `Cache-Control: no-store\r\n${cookies}`
  const send = (exchange: Exchange) => sendLocal(exchange, status, fields, Buffer.alloc(0))
  return { kind: 'reply', outcome: status === 200 ? 'login' : 'refused', reason, send }
}

/** A login that does not end well. */
export function failed(reason: string): Denied {
  return { kind: 'denied', code: 'LB_LOGIN_FAILED', reason }
}

/** Waits for `act`; an error is logged with the name `who` and answered 503. */
export function waiting(
  who: { readonly name: string; readonly asks: string; readonly timeoutMs: number },
  act: () => Promise<Answer | undefined>
): Pending {
  const { name, asks, timeoutMs } = who
  return {
    kind: 'pending',
    asks,
    timeoutMs,
    start: (done) => {
      act().then(done, (error: unknown) =>
        done({ kind: 'denied', code: 'LB_AUTH_UNAVAILABLE', reason: `${name}: ${providerFault(error)}` })
      )
      return () => {}
    }
  }
}
