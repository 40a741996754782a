import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { acmeConfig, acmeFolder, keeper } from './names.ts'
import { cureOf, withCure } from '../../src/acme/order/cure.ts'
import { noPebble, eab, eabOnly, startPebble } from './pebble.ts'

const skip = noPebble

t.test(
  'wildcards are proved by dns-01 through a hook, and the record is taken away',
  { skip, timeout: 60_000 },
  async (t) => {
    const pebble = await startPebble(t)
    const folder = t.testdir({ 'hook.sh': '', calls: '' })
    const hook = join(folder, 'hook.sh')
    writeFileSync(
      hook,
      `#!/bin/sh
echo "$1 $2 $3" >>${folder}/calls
case $1 in
present) curl -sf -d "{\\"host\\":\\"$2\\",\\"value\\":\\"$3\\"}" ${pebble.dns}/set-txt ;;
cleanup) curl -sf -d "{\\"host\\":\\"$2\\"}" ${pebble.dns}/clear-txt ;;
esac
`
    )
    chmodSync(hook, 0o755)
    const config = acmeConfig(pebble, join(folder, 'acme'), { challenge: 'dns-01', hook: [hook] })
    const { names, begin, until } = keeper(t)
    await begin(config, ['*.example.com'])
    await until(() => names.certificate('*.example.com') !== undefined)
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
    t.match(calls, [
      /^present _acme-challenge\.example\.com\. [\w-]{43}$/,
      /^cleanup _acme-challenge\.example\.com\. /
    ])
  }
)

t.test(
  'a hook that fails is named with what it says, and its order is kept for the next try',
  { skip, timeout: 60_000 },
  async (t) => {
    const pebble = await startPebble(t)
    const storage = join(acmeFolder(t), 'acme')
    const hook = ['/bin/sh', '-c', 'echo "no such zone" >&2; exit 3']
    const { names, begin, until } = keeper(t)
    await begin(acmeConfig(pebble, storage, { challenge: 'dns-01', hook }), ['a.example.com'])
    await until(() => (names.views()[0]?.failures ?? 0) > 1)
    t.match(names.views()[0]!.reason, /the hook \/bin\/sh ended with 3: no such zone/)
    t.equal(pebble.orders(), 1)
  }
)

t.test(
  'a name that the authority cannot reach is told with what to look at, in the log without a stack',
  { skip, timeout: 60_000 },
  async (t) => {
    const pebble = await startPebble(t)
    for (const [challenge, port] of [
      ['tls-alpn-01', 443],
      ['http-01', 80]
    ] as const) {
      const storage = join(acmeFolder(t), 'acme')
      const { names, begin, until, lines } = keeper(t, { pace: { firstMs: 60_000, longestMs: 60_000 } })
      await begin(acmeConfig(pebble, storage, { challenge }), ['a.example.com'])
      await until(() => (names.views()[0]?.failures ?? 0) > 0)
      const says = new RegExp(`; port ${port} of the name has to lead here from outside`)
      t.match(names.views()[0]!.reason, says)
      const told = lines.find(({ message }) => says.test(message))
      t.equal(told?.fields['err'], undefined)
    }
    t.match(cureOf('dns', 'tls-alpn-01'), /an A or AAAA record/)
    t.match(cureOf('unauthorized', 'http-01'), /something else answers on port 80/)
    t.match(cureOf('unauthorized', 'dns-01'), /the TXT record was not there/)
    t.equal(withCure('no', 'caa'), 'no; a CAA record of the domain names other authorities only')
    t.equal(withCure('no', 'rateLimited'), 'no')
  }
)

t.test(
  'an authority that wants an account of its own gets one by external account binding',
  { skip, timeout: 60_000 },
  async (t) => {
    const pebble = await startPebble(t, {
      config: eabOnly,
      env: { PEBBLE_VA_ALWAYS_VALID: '1' }
    })
    const storage = join(acmeFolder(t), 'acme')
    const without = keeper(t)
    await without.begin(acmeConfig(pebble, join(storage, 'a')), ['a.example.com'])
    await without.until(() => (without.names.views()[0]?.failures ?? 0) > 0)
    t.match(without.names.views()[0]!.reason, /give `eab`/)
    const authority = { name: 'pebble', url: pebble.url, ca: pebble.ca, eab }
    const broken = { name: 'gone', url: 'https://127.0.0.1:1/dir' }
    const bound = keeper(t)
    await bound.begin(acmeConfig(pebble, join(storage, 'b'), { authorities: [broken, authority] }), [
      'a.example.com'
    ])
    await bound.until(() => bound.names.certificate('a.example.com') !== undefined)
    t.match(
      bound.lines.find(({ level }) => level === 'warn'),
      { message: /gone: 127\.0\.0\.1:1 cannot be reached/ }
    )
  }
)
