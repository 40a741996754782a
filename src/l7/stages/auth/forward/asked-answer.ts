import { sendLocal } from '../../../exchange/response/local-answer.ts'
import type { Answer, Denied, Reply } from '../auth-method.ts'
import type { Asked } from '../asking/authority.ts'
import type { ForwardInput } from './keys.ts'

/** Fields of a refusing answer that the client needs, to log in or to read the answer. */
const PASSED = [
  'www-authenticate',
  'location',
  'set-cookie',
  'content-type',
  'cache-control',
  'retry-after'
] as const
const REFUSALS: readonly number[] = [301, 302, 303, 307, 308, 401, 403, 429]

/**
 * 2xx accepts the request; a refusal or a redirect is passed to the client; anything else is an error, and the request
 * is refused.
 */
export function answerOf(asked: Asked, input: ForwardInput): Answer {
  const { status } = asked
  if (status >= 200 && status < 300) return accepted(asked, input)
  if (REFUSALS.includes(status)) return refusal(asked)
  return unavailable(`forward-auth answered ${status}`)
}

export function unavailable(reason: string): Denied {
  return { kind: 'denied', code: 'LB_AUTH_UNAVAILABLE', reason }
}

function accepted({ fields }: Asked, { identity, roles, responseHeaders }: ForwardInput): Answer {
  const one = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : fields.get(name.toLowerCase())?.filter(isValue).join(', ')
  const name = one(identity)
  if (identity !== undefined && (fields.get(identity.toLowerCase())?.length ?? 0) > 1)
    return unavailable('forward-auth gives two names')
  if (identity !== undefined && (name === undefined || name === '')) {
    return unavailable('forward-auth gives no name')
  }
  const listed =
    one(roles)
      ?.split(/[,\s]+/)
      .filter((role) => role !== '') ?? []
  const copied = [...new Set([identity, roles, ...responseHeaders])].filter((each) => each !== undefined)
  return {
    kind: 'proven',
    identity: { name: name ?? 'forward', roles: listed, by: 'forward' },
    beyondGuessing: true,
    lastClient: '',
    fields: copied.map((each) => [each, one(each)] as const),
    // A service that renews its session says so with the answer that accepts.
    ...(fields.has('set-cookie') && { responseLines: linesOf(fields, 'set-cookie') })
  }
}

function refusal({ status, fields, body }: Asked): Reply {
  const passed = PASSED.map((name) => linesOf(fields, name)).join('')
  // A browser would keep a 301 or 308 to the login, and send those who are logged in there as well.
  const lines = fields.has('cache-control') ? passed : `${passed}cache-control: no-store\r\n`
  return {
    kind: 'reply',
    outcome: status < 400 ? 'login' : 'refused',
    reason: `forward-auth answered ${status}`,
    send: (exchange) => sendLocal(exchange, status, lines, body)
  }
}

function linesOf(fields: Asked['fields'], name: string): string {
  const values = fields.get(name)?.filter(isValue) ?? []
  return values.map((value) => `${name}: ${value}\r\n`).join('')
}

function isValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
}
