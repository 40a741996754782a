import type { PathPolicy } from '../../../config/model/model.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { forwardedHost, hostName, splitTarget } from '../../uri/target.ts'
import { forwardedPath, normalisePath } from '../../uri/normalise-path.ts'
import { comparing } from '../../uri/path-policy.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED, GO_ON, type Verdict } from '../verdict.ts'

/** Parses host, path and query, and refuses what servers would read differently. */
class Target implements Stage {
  readonly name = 'target'
  readonly #paths: PathPolicy

  constructor(paths: PathPolicy) {
    this.#paths = paths
  }

  request(exchange: Exchange): Verdict {
    const { request, snapshot } = exchange
    const { method } = request
    if (method === 'CONNECT' || (method === 'TRACE' && !snapshot.config.trace)) {
      // RFC 9931: a client may have sent bytes for the tunnel already; they must not be read as requests.
      if (method === 'CONNECT') exchange.downstream.closeAfter()
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
    const path = split.form === 'asterisk' ? '*' : normalisePath(split.path, this.#paths)
    if (path === undefined) {
      exchange.fail('LB_BAD_PATH', badPath(split.path, this.#paths))
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

/** For log and explain; names the key where one decides. */
export function badPath(path: string, { semicolons }: PathPolicy): string {
  if (semicolons === 'refuse' && path.includes(';'))
    return 'a path with a semicolon (paths.semicolons: refuse)'
  return 'a path that servers read differently'
}

export function compile(_keys: undefined, { listener }: StageContext): Stage {
  return new Target(comparing(listener.paths))
}
