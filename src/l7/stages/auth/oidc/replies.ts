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

/** A 200 without a body. */
export function acknowledged(reason: string, cookies: string): Reply {
  const fields = `Cache-Control: no-store\r\n${cookies}`
  const send = (exchange: Exchange) => sendLocal(exchange, 200, fields, Buffer.alloc(0))
  return { kind: 'reply', outcome: 'login', reason, send }
}

/** A request that a provider, or a page of it, has made wrongly. */
export function badRequest(reason: string): Denied {
  return { kind: 'denied', code: 'LB_BAD_REQUEST', reason }
}

/** A login that does not end well. */
export function failed(reason: string): Denied {
  return { kind: 'denied', code: 'LB_LOGIN_FAILED', reason }
}

export function unavailable(reason: string, fields = ''): Denied {
  return { kind: 'denied', code: 'LB_AUTH_UNAVAILABLE', reason, fields }
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
      act().then(done, (error: unknown) => done(unavailable(`${name}: ${providerFault(error)}`)))
      return () => {}
    }
  }
}
