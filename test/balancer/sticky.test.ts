import t from 'tap'
import { StickyCookies, stickyValue } from '../../src/balancer/pool/sticky-cookies.ts'

t.test('a cookie value names its backend again, also after a restart', async (t) => {
  const value = new StickyCookies('web', ['a', 'b']).valueOf('b')
  t.match(value, /^[0-9a-f]{32}$/)
  t.equal(new StickyCookies('web', ['c', 'b', 'a']).backendOf(value), 'b')
})

t.test('values are of one pool and one secret, and what was not given out asks for nothing', async (t) => {
  const cookies = new StickyCookies('web', ['a'], 'secret')
  t.equal(cookies.backendOf(stickyValue('api', 'a', 'secret')), undefined)
  t.equal(cookies.backendOf(stickyValue('web', 'a', 'other')), undefined)
  t.equal(cookies.backendOf(stickyValue('web', 'a')), undefined)
  for (const value of ['', 'a', 'x'.repeat(32), '0'.repeat(10_000), '__proto__']) {
    t.equal(cookies.backendOf(value), undefined)
  }
  t.equal(cookies.backendOf(stickyValue('web', 'a', 'secret')), 'a')
})
