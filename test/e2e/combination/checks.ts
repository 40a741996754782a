import type { Answer } from './clients/answer.ts'
import { isActive, tokenOf } from './services/introspection.ts'
import { CLOSED_HOST, NOT_FOR_YOU } from './services/forward-auth.ts'
import { LET_THROUGH, REFUSED } from './services/nonsense.ts'
import { bytesSent, fieldOf, isBodiless } from './plan.ts'

/** What is wrong with an answer, in words; undefined: nothing. Called with whole answers only. */
export type Check = (answer: Answer) => string | undefined

/** The fields of the answer as the features promise them. */
export const isBackends: (answer: Answer) => boolean = ({ head }) => fieldOf(head, 'x-id') !== undefined

/** `X-Route` names the route that the conditions choose. */
export const routedRight: Check = (answer) => {
  const { plan, head } = answer
  if (!isBackends(answer)) return undefined
  const sends = plan.method === 'PUT' || plan.method === 'POST'
  const long = sends && (plan.chunkedUpload ? plan.upload > 0 : bytesSent(plan).length > 60_000)
  const cookie = /^Cookie: (?:.*; )?a=1(?:;|$)/m.test(plan.fields.replaceAll('\r', ''))
  const expected = cookie && plan.method !== 'DELETE' ? 'cookie' : long || plan.method === 'DELETE' ? 'body' : undefined
  const took = fieldOf(head, 'x-route')
  return took === expected ? undefined : `by the route ${took} in place of ${expected}`
} // prettier-ignore

/** Fixed answers carry what was asked, escaped. */
export const fixedRight: Check = ({ plan, status, head, body }) => {
  if (plan.path.startsWith('/fixed/') && status === 200 && fieldOf(head, 'x-fixed') !== undefined) {
    const expected = plan.method === 'HEAD' ? '' : `${plan.host} ${fieldOf(head, 'x-fixed')}\n`
    return body.toString() === expected ? undefined : `fixed answer ${body.toString()}`
  }
  const location = fieldOf(head, 'location')
  if (!plan.path.startsWith('/moved/') || status !== 308) return undefined
  return location === `/r${plan.path}` ? undefined : `redirected to ${location}`
}

/** The groups of an expression stand in the redirect, and its conditions choose the route. */
export const expressionsRight: Check = (answer) => {
  const { plan, status, head } = answer
  const location = fieldOf(head, 'location')
  const [, first, second] = /^\/old\/([^/]+)\/([^?]*)/.exec(plan.path) ?? []
  if (status === 301) {
    const query = plan.path.includes('?') ? plan.path.slice(plan.path.indexOf('?')) : ''
    return location === `/new/${second}/${first}${query}` ? undefined : `redirected to ${location}`
  }
  if (!isBackends(answer)) return undefined
  if (first !== undefined) return 'not redirected'
  const expected = /^X-Language: (?:en|de)\r$/m.test(plan.fields) ? 'language' : undefined
  const took = fieldOf(head, 'x-route')
  return took === expected ? undefined : `by the route ${took} in place of ${expected}`
}

/** A cookie of forward-auth comes to the one whose request it was given to, and to nobody else. */
export const cookiesGiven =
  (cookies: ReadonlyMap<string, string>): Check =>
  (answer) => {
    const { plan, head } = answer
    const got = [...head.matchAll(/\r\nset-cookie: fa=([^;\r]*)/gi)].map(([, value]) => value)
    if (!plan.path.includes(plan.id)) return got.length > 1 ? 'two cookies of forward-auth' : undefined
    const given = cookies.get(plan.path)
    if (got.some((value) => value !== given)) return `the cookie ${got.join()} of another`
    return got.length === 0 && given !== undefined && isBackends(answer) ? 'without the cookie of forward-auth' : undefined
  } // prettier-ignore

export const viaBoth: Check = (answer) =>
  fieldOf(answer.head, 'via') === undefined && !isItsOwn(answer) ? 'an answer without Via' : undefined

export const viaNowhere: Check = ({ head }) =>
  fieldOf(head, 'via') === undefined ? undefined : 'an answer with Via'

export const stamped: Check = (answer) =>
  isBackends(answer) && fieldOf(answer.head, 'x-stamp') !== 'answered' ? 'not through the plugin' : undefined

/** Who asks for it gets it so, and nobody else. */
export const turnedRight: Check = (answer) => {
  const { plan, head, status } = answer
  if (!isBackends(answer) || isBodiless(plan, status) || fieldOf(head, 'x-size') === '0') return undefined
  const asked = plan.fields.includes('X-Turn: yes')
  return asked === (fieldOf(head, 'x-turned') !== undefined) || /no transform|throw in/.test(plan.nonsense)
    ? undefined
    : `turned for ${asked ? 'nobody' : 'another'}`
}

/** With two keys that differ nobody comes in. */
export const oneCredential: Check = (answer) =>
  isBackends(answer) && answer.plan.fields.includes('key-of-mallory')
    ? 'let in with two credentials'
    : undefined

/** Programs get problems (RFC 9457) that say their status. */
export const problems: Check = (answer) => {
  const { plan, status, head, body } = answer
  if (isBackends(answer) || status < 400 || plan.method === 'HEAD' || !wantsProblems(plan.fields)) return undefined
  // A part that a stored response does not have is the cache's answer, and others have words of their own.
  if (fieldOf(head, 'cache-status') !== undefined || body.toString() === NOT_FOR_YOU) return undefined
  const type = fieldOf(head, 'content-type')
  if (type !== 'application/problem+json') return `an error as ${type}`
  const problem = JSON.parse(body.toString()) as { readonly status?: unknown; readonly type?: string; readonly code?: string }
  const quota = problem.code === 'LB_RATE_LIMIT'
  if (quota !== problem.type?.endsWith('#quota-exceeded')) return `the type ${problem.type} for ${problem.code}`
  if (quota && !Array.isArray((problem as Record<string, unknown>)['violated-policies'])) return 'a quota without its policy'
  return problem.status === status ? undefined : 'a problem of another status'
} // prettier-ignore

/** `*` on every answer, once, and preflights are answered here. */
export const forEverybody: Check = (answer) => {
  const { plan, status, head } = answer
  if (/^\/(?:fixed|moved|old)\//.test(plan.path) || isItsOwn(answer)) return undefined
  const allowed = head.match(/\r\naccess-control-allow-origin: [^\r]*/gi) ?? []
  if (allowed.length !== 1 || !allowed[0]!.endsWith(': *')) return `allows ${JSON.stringify(allowed)}`
  const asked = /^Access-Control-Request-Method: (.*)\r$/m.exec(plan.fields)?.[1]
  if (plan.method !== 'OPTIONS' || asked === undefined || status !== 204) return undefined
  if (fieldOf(head, 'access-control-allow-methods') !== asked) return 'does not allow the method asked for'
  return fieldOf(head, 'access-control-allow-headers') === 'x-a, x-b' ? undefined : 'does not allow the fields asked for'
} // prettier-ignore

/** The host that was routed is the one that was asked about. */
export const closedHost: Check = (answer) => {
  const { host, path } = answer.plan
  const closed = host === CLOSED_HOST || path.includes('/closed')
  if (closed) return isBackends(answer) ? 'let in where nobody is' : undefined
  return answer.body.toString() === NOT_FOR_YOU ? 'refused where all are let in' : undefined
}

/** A token that is bound is worth something with its proof. */
export const boundRight: Check = (answer) => {
  const { bound, door } = answer.plan
  const right = bound === 'proof' || (bound === 'certificate' && door.endsWith('tls'))
  if (right) return answer.status === 401 ? 'a token with its proof refused' : undefined
  if (bound === undefined || bound === 'seen proof' || !isBackends(answer)) return undefined
  return 'let in without what the token is bound to'
}

/** A proof that is shown again counts once, for each `auth`: listener and route have their own here. */
export const onceProven = (): Check => {
  const proven = new Set<string>()
  return (answer) => {
    if (answer.plan.bound !== 'seen proof' || answer.status === 401 || !isBackends(answer)) return undefined
    const listener = answer.plan.door.replace(/^h2$/, 'clear').replace('h2-', '')
    const text = `${answer.plan.instance} ${listener} ${fieldOf(answer.head, 'x-route')} ${/^DPoP: (.*)$/m.exec(answer.plan.fields)![1]!}`
    if (proven.has(text)) return 'a proof counted twice'
    proven.add(text)
    return undefined
  }
}

/** Sources of backends that fail change nothing, and one backend stays. */
export const neverEmpty: Check = ({ head }) =>
  head.includes('LB_NO_BACKEND') ? 'without a backend although there is one' : undefined

/** What a plugin must not do ends its own exchange. */
export const nonsenseEnds: Check = (answer) => {
  const { nonsense } = answer.plan
  if ((REFUSED as readonly string[]).includes(nonsense)) return isBackends(answer) ? 'after nonsense' : undefined
  const harmless = nonsense === '' || (nonsense !== 'no transform' && (LET_THROUGH as readonly string[]).includes(nonsense))
  return harmless && answer.status === 500 && !isBackends(answer) ? 'nonsense of another' : undefined
} // prettier-ignore

/** Who sends too slowly is told so, or cut off. */
export const paced: Check = (answer) =>
  answer.plan.stalls && !answer.plan.early && isBackends(answer) && answer.plan.upload > 1
    ? 'carried out although the upload stood still'
    : undefined

/** Who brings a token comes in with one that is active, and only with that. */
export const introspected: Check = ({ plan, status, head }) => {
  const token = tokenOf(plan)
  if (token === undefined) return undefined
  if (isActive(token))
    return status === 401 && fieldOf(head, 'x-id') === undefined ? 'a good token refused' : undefined
  return fieldOf(head, 'x-id') !== undefined || status === 304
    ? 'let in by a token that is not active'
    : undefined
}

/** A page is one of those that the file has held, whole. */
export const pageWhole: Check = ({ plan, status, head, body }) => {
  if (fieldOf(head, 'x-id') !== undefined || status < 500 || plan.method === 'HEAD') return undefined
  const text = body.toString()
  if (!text.includes('page ')) return undefined
  const [, from, told, to] = /^page (\d+): (\d{3}) x* end of (\d+)\n$/.exec(text) ?? []
  return from !== undefined && from === to && told === String(status)
    ? undefined
    : `the page ${text.slice(0, 100)}`
}

/** A fault in what edits an answer: no edit is in what tells of it. */
function isItsOwn({ plan, status, head }: Answer): boolean {
  if (plan.nonsense === '') return false
  const toGrpc = fieldOf(head, 'grpc-status') === '13' && head.includes('LB_INTERNAL')
  return toGrpc || (status === 500 && /behind|length|transform/.test(plan.nonsense))
}

function wantsProblems(fields: string): boolean {
  return /^Accept: application\/problem\+json\r$/m.test(fields)
}
