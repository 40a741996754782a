import type { Exchange } from '../../exchange/exchange.ts'
import { forwardedHost, hostName } from '../../uri/host.ts'
import { forwardedPath, normalisePath } from '../../uri/normalise-path.ts'
import { splitTarget } from '../../uri/target.ts'
import type { Stage } from '../stage.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

/** Reads host, path and query, and refuses what servers would read differently. */
const target: Stage = {
  name: 'target',

  request(exchange: Exchange): Verdict {
    const { request, snapshot } = exchange
    const { method } = request
    if (method === 'CONNECT' || (method === 'TRACE' && !snapshot.config.trace)) {
      exchange.fail('LB_METHOD', 'CONNECT and TRACE are not for gateways')
      return ANSWERED
    }
    const split = splitTarget(method, request.target)
    if (split === undefined) {
      exchange.fail('LB_BAD_REQUEST', 'malformed request target')
      return ANSWERED
    }
    // RFC 9112 §3.2.2: the host in the target replaces the field.
    let { authority } = split
    if (authority === undefined && request.host === '') authority = ''
    else if (authority === undefined && request.host.endsWith(':')) authority = forwardedHost(request.host)
    const host = hostName(authority ?? request.host)
    if (host === undefined && authority !== '') {
      exchange.fail('LB_BAD_HOST', 'malformed host')
      return ANSWERED
    }
    const path = split.form === 'asterisk' ? '*' : normalisePath(split.path, snapshot.config.paths)
    if (path === undefined) {
      exchange.fail('LB_BAD_PATH', 'a path that servers read differently')
      return ANSWERED
    }
    exchange.host = host ?? ''
    exchange.path = path
    exchange.query = split.query
    exchange.authority = authority
    exchange.forwardPath = split.form === 'asterisk' ? '*' : forwardedPath(split.path, path)
    return GO_ON
  }
}

export function compile(): Stage {
  return target
}
