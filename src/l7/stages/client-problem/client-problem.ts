import type { Exchange } from '../../exchange/exchange.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

/**
 * Tells clients why their certificate is not accepted, where the listener requires one: that is all that happens on such
 * a connection. (Who has none at all gets OpenSSL's alert, within the handshake.)
 */
const clientProblem: Stage = {
  name: 'client-problem',

  request(exchange: Exchange): Verdict {
    const problem = exchange.tls?.clientProblem
    if (problem === undefined) return GO_ON
    const { log } = exchange.context
    const { name: listener } = exchange.snapshot.config
    log.info({ listener, client: exchange.clientIp, reason: problem }, 'client certificate not accepted')
    exchange.refuse({ code: 'LB_CLIENT_CERTIFICATE', reason: problem, detail: problem })
    return ANSWERED
  }
}

export function compile(_keys: undefined, { listener }: StageContext): Stage | undefined {
  return listener.tls?.clientAuth?.required === true ? clientProblem : undefined
}
