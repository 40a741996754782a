import type { Answer } from './clients/answer.ts'
import { isActive, tokenOf } from './introspection.ts'
import { bytesSent, fieldOf } from './plan.ts'

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
    const expected = plan.method === 'HEAD' ? '' : `lb.test ${fieldOf(head, 'x-fixed')}\n`
    return body.toString() === expected ? undefined : `fixed answer ${body.toString()}`
  }
  const location = fieldOf(head, 'location')
  if (!plan.path.startsWith('/moved/') || status !== 308) return undefined
  return location === `/r${plan.path}` ? undefined : `redirected to ${location}`
}

export const viaBoth: Check = ({ head }) =>
  fieldOf(head, 'via') === undefined ? 'an answer without Via' : undefined

export const viaNowhere: Check = ({ head }) =>
  fieldOf(head, 'via') === undefined ? undefined : 'an answer with Via'

export const stamped: Check = (answer) =>
  isBackends(answer) && fieldOf(answer.head, 'x-stamp') !== 'answered' ? 'not through the plugin' : undefined

/** Programs get problems (RFC 9457) that say their status. */
export const problems: Check = (answer) => {
  const { plan, status, head, body } = answer
  if (isBackends(answer) || status < 400 || plan.method === 'HEAD' || !wantsProblems(plan.fields)) return undefined
  // A part that a stored response does not have is the cache's answer, and a fault on purpose has words of its own.
  if (fieldOf(head, 'cache-status') !== undefined || body.toString() === 'fault injected\n') return undefined
  const type = fieldOf(head, 'content-type')
  if (type !== 'application/problem+json') return `an error as ${type}`
  return (JSON.parse(body.toString()) as { status?: unknown }).status === status ? undefined : 'a problem of another status'
} // prettier-ignore

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

function wantsProblems(fields: string): boolean {
  return /^Accept: application\/problem\+json\r$/m.test(fields)
}
