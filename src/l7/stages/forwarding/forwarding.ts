import { clientAddress } from '../../../net/address/client-address.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ForwardHead } from '../../exchange/forward-head.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { dropForwardingFields } from '../../headers/forwarding-fields.ts'
import { keptRequestId, isTraceparent, newTraceparent } from '../../headers/trace-ids.ts'
import { viaLine } from '../../headers/via.ts'
import { nameBits } from '../../message/header-block.ts'
import {
  SEEN_FORWARDED,
  SEEN_REQUEST_ID,
  SEEN_TRACEPARENT,
  SEEN_X,
  SEEN_X_FORWARDED
} from '../../message/seen.ts'
import type { StageContext } from '../stage-context.ts'
import type { Stage } from '../stage.ts'
import { GO_ON, type Verdict } from '../verdict.ts'

// X-Real-IP and similar fields count as SEEN_X_FORWARDED.
const WORD_OF_A_PROXY = SEEN_X_FORWARDED | SEEN_FORWARDED | SEEN_REQUEST_ID | SEEN_X

/** The names of all lines that `forward` may add. */
const ADDED = nameBits(
  'X-Forwarded-For:\nX-Forwarded-Proto:\nX-Forwarded-Host:\nForwarded:\nX-Request-Id:\ntraceparent:\nCDN-Loop:\n'
)
const VIA = nameBits('Via:')

/** Forwarding fields: determines the client's address, and adds the fields of this hop for the backend. */
const forwarding: Stage = {
  name: 'forwarding',

  request(exchange: Exchange): Verdict {
    const { request, snapshot, client } = exchange
    const { seen } = request
    const trusted =
      (seen & WORD_OF_A_PROXY) !== 0 && snapshot.trusted.size > 0 && snapshot.trusted.contains(client.peer)
    exchange.trusted = trusted
    exchange.clientIp = trusted
      ? clientAddress(
          client.peer,
          snapshot.trusted,
          request.headers.get('x-forwarded-for'),
          request.headers.get('forwarded')
        )
      : client.peer
    if (trusted && (seen & SEEN_REQUEST_ID) !== 0)
      exchange.requestId = keptRequestId(request.headers.first('x-request-id')) ?? ''
    return GO_ON
  },

  forward(exchange: Exchange, { headers, host }: ForwardHead): void {
    const { request, trusted, context } = exchange
    const { seen } = request
    const { forwarded } = exchange.client
    let added = ''
    if ((seen & SEEN_X) !== 0) dropForwardingFields(headers, trusted)
    if ((seen & (SEEN_FORWARDED | SEEN_X_FORWARDED)) !== 0) {
      added += forwarded.replace(headers, host, trusted)
    } else {
      added += forwarded.lines(host)
    }
    if ((seen & SEEN_REQUEST_ID) !== 0) headers.remove('x-request-id')
    added += `X-Request-Id: ${exchange.requestId}\r\n`
    if ((seen & SEEN_TRACEPARENT) === 0) added += `traceparent: ${newTraceparent(exchange.requestId)}\r\n`
    else if (!isTraceparent(headers.get('traceparent') ?? '')) {
      headers.set('traceparent', newTraceparent(exchange.requestId))
      // tracestate has no meaning without traceparent (W3C Trace Context §3.3.1).
      headers.remove('tracestate')
    }
    headers.appendLines(added + context.loopLine, ADDED)
  }
}

const withVia: Required<Pick<Stage, 'response'>> = {
  response(exchange: Exchange, head: ResponseHead): void {
    const { viaLine, viaLine2 } = exchange.context
    const http2 = head.source === 'backend' && exchange.target?.pool.pool.config.protocol !== 'http1'
    head.headers.appendLines(http2 ? viaLine2 : viaLine, VIA)
  }
}

const withViaBothWays: Stage = {
  ...forwarding,
  ...withVia,

  forward(exchange: Exchange, head: ForwardHead): void {
    forwarding.forward!(exchange, head)
    const { request, context } = exchange
    const { version } = request
    head.headers.appendLines(
      version === '1.1'
        ? context.viaLine
        : version === '2.0'
          ? context.viaLine2
          : viaLine('1.0', context.pseudonym),
      VIA
    )
  }
}

export function compile(_keys: undefined, { listener }: StageContext): Stage {
  if (listener.via === 'response') return { ...forwarding, ...withVia }
  return listener.via ? withViaBothWays : forwarding
}
