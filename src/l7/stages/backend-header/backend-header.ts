import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'

/** `backendHeader: true`: names the backend in X-Backend-Server. */
const backendHeader: Stage = {
  name: 'backend-header',

  response(exchange: Exchange, head: ResponseHead): void {
    if (head.source === 'backend') head.headers.append('X-Backend-Server', String(exchange.backend?.name))
  }
}

export function compile(_keys: undefined, { listener }: StageContext): Stage | undefined {
  return listener.backendHeader ? backendHeader : undefined
}
