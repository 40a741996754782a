import t from 'tap'
import { errorAnswer, prefersJson } from '../../../src/l7/headers/error-answer.ts'
import { proxyStatus } from '../../../src/l7/headers/proxy-status.ts'

t.test('an error is answered as text, with what happened in Proxy-Status', async (t) => {
  const answer = errorAnswer('LB_NO_BACKEND', { requestId: 'r1', accept: undefined, retryAfter: 0.2 })
  t.equal(answer.status, 503)
  t.equal(answer.body, 'no backend available (LB_NO_BACKEND)\n')
  t.equal(
    answer.fields,
    'Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n' +
      'Proxy-Status: lb; error=destination_unavailable; details="LB_NO_BACKEND"\r\nX-Request-Id: r1\r\nRetry-After: 1\r\n'
  )
  t.equal(proxyStatus('LB_DENIED'), undefined)
})

t.test('a client that prefers JSON gets JSON', async (t) => {
  const answer = errorAnswer('LB_METHOD', { requestId: 'r1', accept: 'application/json', allow: 'GET, HEAD' })
  t.equal(answer.status, 405)
  t.same(JSON.parse(answer.body), {
    error: { code: 'LB_METHOD', message: 'method not allowed', requestId: 'r1' }
  })
  t.match(answer.fields, 'Content-Type: application/json\r\n')
  t.match(answer.fields, 'Allow: GET, HEAD\r\n')
})

t.test('a client that names problem+json gets the members of RFC 9457', async (t) => {
  const facts = { requestId: 'r1', accept: 'application/problem+json, */*', members: { retryAfter: 2 } }
  const answer = errorAnswer('LB_RATE_LIMIT', facts)
  t.match(answer.fields, 'Content-Type: application/problem+json\r\n')
  t.same(JSON.parse(answer.body), {
    type: 'about:blank',
    title: 'Too many requests',
    status: 429,
    detail: 'too many requests (LB_RATE_LIMIT)',
    instance: 'urn:request:r1',
    code: 'LB_RATE_LIMIT',
    requestId: 'r1',
    retryAfter: 2
  })
  const quota = errorAnswer('LB_RATE_LIMIT', { ...facts, members: { limit: 'daily' } })
  t.match(JSON.parse(quota.body), {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    'violated-policies': ['daily'],
    status: 429
  })
  const refused = errorAnswer('LB_RATE_LIMIT', {
    ...facts,
    accept: 'application/problem+json;q=0, application/json'
  })
  t.match(refused.fields, 'Content-Type: application/json\r\n')
})

t.test('JSON is preferred only where it weighs more than text', async (t) => {
  for (const yes of [
    'application/json',
    'text/html;q=0.5, application/json;q=0.9',
    'application/problem+json, */*',
    'APPLICATION/JSON'
  ]) {
    t.ok(prefersJson(yes), yes)
  }
  for (const no of [
    undefined,
    '',
    '*/*',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/json;q=0.5, text/html',
    'application/json;q=0',
    'application/jsonx',
    'application/json, text/plain'
  ]) {
    t.notOk(prefersJson(no), String(no))
  }
})
