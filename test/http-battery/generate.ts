import { fieldLines, framing, lineEnd } from './generate-fields.ts'
import { mutate } from './mutate.ts'
import { Seeded } from './seeded.ts'

const METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'QUERY',
  'PROPFIND'
]
const ODD_METHODS = [
  'get',
  'FOO',
  'GE T',
  '',
  'G\x00ET',
  'GET\t',
  'CONNECT',
  'TRACE',
  'PRI',
  'M-SEARCH',
  'GET/',
  'G(T',
  'DESCRIBE',
  'GETX',
  'POS'
]
const TARGETS = [
  '/',
  '/a/b',
  '/a?b=c&d',
  '/%20%e9',
  '/a;b',
  '*',
  'http://a/',
  'http://a:80/b?c',
  '/!$&\'()*+,=:@|{}^"<>`[]~'
]
const ODD_TARGETS = [
  '',
  '/a b',
  '/a\tb',
  '/a#b',
  '/\xe9',
  '/\x00',
  '/\x7f',
  'a',
  'a:80',
  '//a',
  'http:/a',
  '/\\',
  'ftp://a/',
  'http://u@a/',
  '/a\x0cb',
  '?a',
  '/..',
  '/%2f'
]
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0']
const ODD_VERSIONS = ['HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/1.', 'HTTP/1', 'http/1.1', 'HTTP/1.1 ', 'HTTP/11', '', 'HTTP/1.10', 'HTTP/1,1', 'HTTP / 1.1', 'ICE/1.0', 'RTSP/1.0', 'HTTP/01.1', 'HTTP/1.1x'] // prettier-ignore

const STATUSES = [
  '200 OK',
  '200 OK',
  '404 Not Found',
  '204 No Content',
  '304 Not Modified',
  '100 Continue',
  '103 Early Hints',
  '200 ',
  '500 caf\xe9',
  '200'
]
const ODD_STATUSES = [
  '',
  '20 OK',
  '2000 OK',
  '099 X',
  '200\tOK',
  '200  OK',
  '-200 OK',
  '2x0 OK',
  '200 O\x00K',
  '200 \x7f',
  '+20 OK',
  '200O'
]

/** Message number `index` of the request generator: half as composed (mostly valid), half with bytes changed after. */
export function generateRequest(index: number): Buffer {
  const random = new Seeded(index * 2 + 1)
  let text = random.mostly([''], ['\r\n', '\r\n\r\n', '\n', '\r', ' ', '\r\n\r\n\r\n'], 0.04)
  for (let count = random.mostly([1], [2, 3], 0.15); count > 0; count--) text += request(random)
  const bytes = Buffer.from(text, 'latin1')
  return random.chance(0.4) ? mutate(bytes, random) : bytes
}

/** As generateRequest, for what a backend sends. */
export function generateResponse(index: number): Buffer {
  const random = new Seeded(index * 2 + 2)
  let text = ''
  for (let count = random.mostly([1], [2], 0.1); count > 0; count--) text += response(random)
  const bytes = Buffer.from(text, 'latin1')
  return random.chance(0.4) ? mutate(bytes, random) : bytes
}

function request(random: Seeded): string {
  const line = [
    random.mostly(METHODS, ODD_METHODS, 0.05),
    random.mostly(TARGETS, ODD_TARGETS, 0.08),
    random.mostly(VERSIONS, ODD_VERSIONS, 0.06)
  ].join(random.mostly([' '], ['  ', '\t', '', ' \t'], 0.01))
  const host = random.mostly(
    [['Host: a'], ['host: a.example:80']],
    [[], ['Host: a', 'Host: a'], ['Host:'], ['Host: a/b']],
    0.08
  )
  return head(random, line, [...host, ...fieldLines(random)])
}

function response(random: Seeded): string {
  const version = random.mostly(VERSIONS, ODD_VERSIONS, 0.04)
  const line = `${version}${random.mostly([' '], ['  ', '\t', ''], 0.01)}${random.mostly(STATUSES, ODD_STATUSES, 0.08)}`
  return head(random, line, fieldLines(random))
}

function head(random: Seeded, line: string, fields: readonly string[]): string {
  const { lines, body } = framing(random)
  const all = [...fields]
  for (const extra of lines) all.splice(random.below(all.length + 1), 0, extra)
  return `${line}${lineEnd(random)}${all.map((field) => field + lineEnd(random)).join('')}${lineEnd(random)}${body}`
}
