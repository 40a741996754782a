import t from 'tap'
import { mayTrail, passableNames, passableTrailers } from '../../../src/l7/headers/trailers.ts'

t.test('fields that frame, route, authenticate or describe the message are no trailers', async (t) => {
  for (const name of [
    'Host',
    'Authorization',
    'Cookie',
    'If-Match',
    'Content-Type',
    'X-Forwarded-For',
    'Via',
    'X_Real_IP',
    'X-Forwarded',
    'X-Client-Cert-Subject'
  ]) {
    t.notOk(mayTrail(name, undefined), name)
  }
  for (const name of ['X-Checksum', 'Server-Timing', 'Content-Digest', 'ETag', 'Grpc-Status']) {
    t.ok(mayTrail(name, undefined), name)
  }
  t.notOk(mayTrail('X_Role', new Set(['x-role'])), 'what the edits of the route decide about')
})

t.test('only announced trailers are forwarded', async (t) => {
  const lines = 'X-A: 1\r\nx-b: 2\r\nHost: c\r\n'
  t.equal(passableTrailers(lines, undefined, 'X-B, Host'), 'x-b: 2\r\n')
  t.equal(passableTrailers(lines, undefined), 'X-A: 1\r\nx-b: 2\r\n')
  t.equal(passableTrailers('', undefined, 'X-B'), '')
  t.equal(passableNames('X-A,, Host ,X-B', undefined), 'X-A, X-B')
})
