import t from 'tap'
import { durationText } from '../../src/core/duration-text.ts'
import { parseBackendAddress, parseBind, parseCidr } from '../../src/config/addresses.ts'
import { EnvText } from '../../src/config/environment/env-text.ts'
import { substitute } from '../../src/config/environment/environment.ts'
import { nearest, suggestion } from '../../src/config/report/nearest.ts'
import { parseDuration, parsePercent, parseRate, parseSize, sizeText } from '../../src/config/units.ts'

t.test('durations are read in every unit and in sums', async (t) => {
  const table = {
    '250ms': 250,
    '10s': 10_000,
    '1.5s': 1500,
    '5m': 300_000,
    '1h30m': 5_400_000,
    '1d': 864e5,
    '1w': 6048e5,
    '1y': 31536e6
  }
  for (const [text, ms] of Object.entries(table)) t.equal(parseDuration(text), ms, text)
  for (const text of ['', '10', '10 s', 's', '-1s', '1e3s', '10S', '1s1', '.5s', '9'.repeat(40) + 's']) {
    t.equal(parseDuration(text), undefined, text)
  }
})

t.test('sizes count in 1024', async (t) => {
  const table = { '512b': 512, '64kb': 65_536, '64KB': 65_536, '1.5mb': 1_572_864, '2gb': 2_147_483_648 }
  for (const [text, bytes] of Object.entries(table)) t.equal(parseSize(text), bytes, text)
  for (const text of ['', '64', '64k', '64 kb', '-1kb', '1tb', 'kb'])
    t.equal(parseSize(text), undefined, text)
})

t.test('rates are per second, percentages are shares', async (t) => {
  t.equal(parseRate('20/s'), 20)
  t.equal(parseRate('60/m'), 1)
  t.equal(parseRate('3600/h'), 1)
  for (const text of ['20', '20/d', '/s', '20 /s']) t.equal(parseRate(text), undefined, text)
  t.equal(parsePercent('20%'), 0.2)
  t.equal(parsePercent('0.5%'), 0.005)
  for (const text of ['20', '%', '-1%', '20 %']) t.equal(parsePercent(text), undefined, text)
})

t.test('durations and sizes are written in the largest unit that fits', async (t) => {
  t.same([250, 90_000, 3_600_000, 864e5].map(durationText), ['250ms', '90s', '1h', '1d'])
  t.same([100, 65_536, 1024 ** 3].map(sizeText), ['100b', '64kb', '1gb'])
})

t.test('the nearest word is found, and none where nothing is near', async (t) => {
  const words = ['pool', 'pools', 'listeners', 'maxConnections', 'backends', 'bind', 'health']
  const table = {
    pol: 'pool',
    poool: 'pool',
    opol: 'pool',
    listners: 'listeners',
    max_connections: 'maxConnections',
    MAXCONNECTIONS: 'maxConnections',
    servers: 'backends',
    listen: 'bind',
    'health-check': 'health'
  }
  for (const [wrong, right] of Object.entries(table)) t.equal(nearest(wrong, words), right, wrong)
  for (const wrong of ['zebra', 'x', 'y'.repeat(100), '']) t.equal(nearest(wrong, words), undefined, wrong)
  t.equal(suggestion('zebra', ['a', 'b']), '; known: a, b')
})

t.test('variables are put in once, and nothing in them is looked at again', async (t) => {
  const env = { A: 'one', B: '${A}', E: '', N: '12', T: 'true', S: 'a: [1, 2] # x' }
  const value = (text: string): unknown => substitute(text, env).value
  t.equal(value('x ${A} y ${A}'), 'x one y one')
  t.equal(value('${B}'), '${A}')
  t.equal(value('${S}'), 'a: [1, 2] # x')
  t.equal(value('${NONE:-fall back}'), 'fall back')
  t.equal(value('${E:-fall back}'), 'fall back')
  t.equal(value('${NONE:-}'), '')
  t.equal(value('$${A} costs 5$'), '${A} costs 5$')
  t.equal(value('^/brew/[0-9]+$'), '^/brew/[0-9]+$')
  t.equal(value('a$1b'), 'a$1b')
  t.same(value('${N}'), new EnvText('12'))
  t.same(value('${T}'), new EnvText('true'))
  t.same(value('${NONE:-3.5}'), new EnvText('3.5'))
  t.equal(value('v${N}'), 'v12')
  t.equal(value('${__proto__:-safe}'), 'safe')
})

t.test('a variable that is not set or not written right is an error', async (t) => {
  t.match(substitute('${NONE}', {}).errors, [/NONE is not set/])
  t.match(substitute('${toString}', {}).errors, [/toString is not set/])
  t.match(substitute('${A', {}).errors, [/not closed/])
  t.match(substitute('${}', {}).errors, [/not a variable/])
  t.match(substitute('${A-B}', {}).errors, [/not a variable/])
  t.match(substitute('${A}', { A: 'x'.repeat(70_000) }).errors, [/65536 characters/])
})

t.test('listeners bind to addresses, sockets and every address', async (t) => {
  t.match(parseBind(':80'), { kind: 'tcp', host: '0.0.0.0', port: 80, text: '0.0.0.0:80' })
  t.match(parseBind('*:80'), { host: '0.0.0.0' })
  t.match(parseBind('localhost:0'), { host: '127.0.0.1', port: 0 })
  t.match(parseBind('[::]:443'), { host: '::', port: 443, text: '[::]:443' })
  t.match(parseBind('unix:/run/lb.sock'), { kind: 'unix', path: '/run/lb.sock' })
  for (const text of [
    '80',
    '1.2.3.4',
    '::1',
    '[x]:1',
    'a.example:80',
    ':65536',
    ':-1',
    ':http',
    'unix:',
    '1.2.3:4',
    `unix:/${'x'.repeat(107)}`
  ]) {
    t.type(parseBind(text), 'string', text)
  }
})

t.test('backends have an address or a name, and a port', async (t) => {
  t.match(parseBackendAddress('10.0.0.1:80'), { host: '10.0.0.1', port: 80 })
  t.match(parseBackendAddress('db_1.internal:5432'), { host: 'db_1.internal', port: 5432 })
  t.match(parseBackendAddress('[::1]:80'), { host: '::1', text: '[::1]:80' })
  t.match(parseBackendAddress('unix:/run/x.sock'), { kind: 'unix', text: 'unix:/run/x.sock' })
  for (const text of [
    '10.0.0.1',
    '10.0.0.1:0',
    ':80',
    'http://a:80',
    '1.2.3.256:80',
    'a b:80',
    '-a:80',
    `${'a'.repeat(64)}:1`
  ]) {
    t.type(parseBackendAddress(text), 'string', text)
  }
})

t.test('networks are read with and without a prefix', async (t) => {
  t.equal(parseCidr('10.0.0.0/8'), '10.0.0.0/8')
  t.equal(parseCidr('192.0.2.1'), '192.0.2.1/32')
  t.equal(parseCidr('2001:db8::/32'), '2001:db8::/32')
  t.equal(parseCidr('::1'), '::1/128')
  for (const text of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/x',
    'fe80::1%eth0',
    'a.example'
  ]) {
    t.equal(parseCidr(text), undefined, text)
  }
})
