import { hashString } from '../../../core/hash-string.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { nameBits } from '../../message/header-block.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'

const SET_COOKIE = nameBits('Set-Cookie:')

/**
 * Sets the cookie by which a client comes back to the backend that answered it. The cookie is read when a backend is
 * picked.
 */
const sticky: Stage = {
  name: 'sticky',

  response(exchange: Exchange, head: ResponseHead): void {
    const { backend, target } = exchange
    if (backend === undefined || head.source === 'error') return
    // A draining backend answers only clients that came with its cookie.
    if (backend.admin === 'drain') backend.sawHolder(hashString(holderOf(exchange)))
    const line = target?.pool.sticky?.cookieFor(exchange, backend) ?? ''
    if (line !== '') head.headers.appendLines(line, SET_COOKIE)
  }
}

/** Identifies a client: all cookies of one backend are equal. */
function holderOf({ clientIp, request }: Exchange): string {
  return `${clientIp} ${request.headers.first('user-agent') ?? ''}`
}

export function compile(_keys: undefined, { route, target }: StageContext): Stage | undefined {
  if (route === undefined) return undefined
  const { action } = route
  const pools =
    action.kind === 'pool'
      ? [action.pool]
      : action.kind === 'split'
        ? action.targets.map(({ pool }) => pool)
        : []
  return pools.some((pool) => target(pool).pool.sticky !== undefined) ? sticky : undefined
}
