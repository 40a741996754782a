import { clientAddress } from '../../../net/address/client-address.ts'
import { flat } from '../../../core/flat.ts'
import type { ForwardedLines } from '../../exchange/client/client-connection.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ForwardHead } from '../../exchange/forward-head.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { dropForwardingFields } from '../../headers/forwarding-fields.ts'
import { keptRequestId, isTraceparent, newTraceparent } from '../../headers/trace-ids.ts'
import { viaLine } from '../../headers/via.ts'
import { nameBits, type HeaderBlock } from '../../message/header-block.ts'
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
    const forwarded = (exchange.client.forwarded ??= new ForwardedWriter(exchange.client))
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

/** What backends are told about a client's connection. */
export interface Hop {
  /** Address of the peer (or what its PROXY header said); '' on a unix socket. */
  readonly peer: string
  readonly scheme: 'http' | 'https'
}

/** Longest list that is passed on and appended to; a longer one is dropped as if the peer were not trusted. */
const MAX_LIST = 2048

/**
 * Writes X-Forwarded-For, -Proto, -Host and Forwarded for the requests of one connection. What the client sent is
 * overwritten; a trusted proxy's For is appended to, and its Proto and Host stay, since it saw them first.
 * The lines only depend on the host, and a connection rarely changes that: one comparison per request.
 */
export class ForwardedWriter implements ForwardedLines {
  readonly #hop: Hop
  #host: string | undefined
  #lines = ''

  constructor(hop: Hop) {
    this.#hop = hop
  }

  /** `host` has been checked by the parser. */
  lines(host: string): string {
    if (host !== this.#host) {
      this.#host = host
      this.#lines = flat(this.#freshLines(host))
    }
    return this.#lines
  }

  replace(headers: HeaderBlock, host: string, trusted: boolean): string {
    const hop = this.#hop
    const xForwardedFor = trusted ? headers.getJoined('x-forwarded-for') : undefined
    const forwarded = trusted ? headers.getJoined('forwarded') : undefined
    if (!trusted || tooLong(xForwardedFor) || tooLong(forwarded)) {
      dropForwardingFields(headers)
      return this.lines(host)
    }
    let lines = ''
    if (xForwardedFor !== undefined) headers.remove('x-forwarded-for')
    lines += `X-Forwarded-For: ${appended(xForwardedFor, hop.peer === '' ? 'unknown' : hop.peer)}\r\n`
    if (!headers.has('x-forwarded-proto')) lines += `X-Forwarded-Proto: ${hop.scheme}\r\n`
    if (host !== '' && !headers.has('x-forwarded-host')) lines += `X-Forwarded-Host: ${host}\r\n`
    // The proxy before us knows X-Forwarded-For only: a Forwarded that begins here would leave out the hops before it.
    if (forwarded === undefined && xForwardedFor !== undefined) return lines
    if (forwarded !== undefined) headers.remove('forwarded')
    return `${lines}Forwarded: ${appended(forwarded, forwardedElement(hop, host))}\r\n`
  }

  #freshLines(host: string): string {
    const { peer, scheme } = this.#hop
    const hostLine = host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`
    return (
      `X-Forwarded-For: ${peer === '' ? 'unknown' : peer}\r\nX-Forwarded-Proto: ${scheme}\r\n${hostLine}` +
      `Forwarded: ${forwardedElement(this.#hop, host)}\r\n`
    )
  }
}

/** One element of Forwarded (RFC 7239 §4). Values that are no token are quoted: IPv6 and hosts with a port. */
function forwardedElement(hop: Hop, host: string): string {
  const address = hop.peer.includes(':') ? `"[${hop.peer}]"` : hop.peer === '' ? 'unknown' : hop.peer
  const hostPart = host === '' ? '' : `;host=${host.includes(':') ? `"${host}"` : host}`
  return `for=${address}${hostPart};proto=${hop.scheme}`
}

function appended(list: string | undefined, element: string): string {
  return list === undefined || list === '' ? element : `${list}, ${element}`
}

function tooLong(list: string | undefined): boolean {
  return list !== undefined && list.length > MAX_LIST
}
