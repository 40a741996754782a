import t from 'tap'
import { parseOptions, UsageError, type Options } from '../../bench/harness/options.ts'

function options(...args: string[]): Options {
  const parsed = parseOptions(args)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

t.test('--quick shortens what is not given', async (t) => {
  t.match(options(), { mode: 'full', rounds: 5, seconds: 3, pin: true, name: 'bench' })
  t.equal(options('--nice=-15').nice, -15)
  t.match(options('--quick', '--rounds', '7'), { mode: 'quick', rounds: 7, seconds: 2, name: 'quick' })
})

t.test('peers stand beside lb unless it is left out', async (t) => {
  t.same(options('--peers', 'nginx,haproxy').targets, ['lb', 'nginx', 'haproxy'])
  t.same(options('--peers', 'nginx', '--without-lb').targets, ['nginx'])
  t.same(options('--peers', 'none').targets, ['lb'])
  t.same(options('--smoke').targets, ['lb'], 'the smoke run is about lb')
  t.notOk(options('--without-lb').targets?.includes('lb'))
})

t.test('scenarios come as a list or one by one', async (t) => {
  t.same(options('--scenario', 'a, b', '--scenario', 'c').scenarios, ['a', 'b', 'c'])
})

t.test('what cannot be meant is refused with what can', async (t) => {
  t.throws(
    () => parseOptions(['--peers', 'apache']),
    new UsageError(
      '--peers: there is no "apache"; there are lb, nginx, haproxy, caddy, varnish, http-proxy, http-proxy-3, httpxy, fast-proxy, @fastify/http-proxy, direct'
    )
  )
  t.throws(() => parseOptions(['--rounds', 'many']), { name: 'UsageError', message: /--rounds must be/ })
  t.throws(() => parseOptions(['--nice=-21']), { message: /--nice must be/ })
  t.throws(() => parseOptions(['--fast']), { name: 'UsageError' })
})
