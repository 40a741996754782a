import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Challenges } from '../../src/net/tls/challenges.ts'
import { startFront } from './front.ts'
import { acmeConfig, acmeFolder, keeper, serveTokens } from './names.ts'
import { noPebble, startPebble } from './pebble.ts'

const skip = noPebble

/** Makes the renewal of everything that is stored due. */
function makeDue(storage: string): void {
  const folder = join(storage, 'names')
  for (const file of readdirSync(folder)) {
    const path = join(folder, file)
    const record = JSON.parse(readFileSync(path, 'utf8')) as { renewal: object }
    writeFileSync(path, JSON.stringify({ ...record, renewal: { at: 1 } }))
  }
}

t.test(
  '50 names are obtained and renewed from an authority that refuses nonces and validates slowly',
  { skip, timeout: 240_000 },
  async (t) => {
    const env = {
      PEBBLE_VA_NOSLEEP: '0',
      PEBBLE_VA_SLEEPTIME: '2',
      PEBBLE_WFE_NONCEREJECT: '5',
      PEBBLE_AUTHZREUSE: '100'
    }
    const pebble = await startPebble(t, { env })
    const challenges = Challenges.create(false)
    await serveTokens(t, challenges, pebble.httpPort)
    const storage = join(acmeFolder(t), 'acme')
    const config = acmeConfig(pebble, storage)
    const names = Array.from({ length: 50 }, (_, i) => `n${i}.example.com`)
    const first = keeper(t, { challenges })
    await first.begin(config, names)
    await first.until(() => names.every((name) => first.names.certificate(name) !== undefined))
    t.equal(pebble.orders(), 50, 'one order for each, whatever was refused')
    t.strictSame(
      first.lines.filter(({ level }) => level === 'warn'),
      []
    )
    const before = new Map(names.map((name) => [name, first.names.certificate(name)!.cert]))
    // A certificate is in use before the last word on it is written, which is done under the lock.
    await first.until(() => readdirSync(join(storage, 'locks')).length === 0)
    first.names.close()
    makeDue(storage)
    const second = keeper(t, { challenges })
    await second.begin(config, names)
    t.ok(
      names.every((name) => second.names.certificate(name)!.cert === before.get(name)),
      'in use until the next is there'
    )
    await second.until(() => names.every((name) => second.names.certificate(name)!.cert !== before.get(name)))
    t.strictSame(
      second.lines.filter(({ level }) => level === 'warn'),
      []
    )
  }
)

t.test(
  'the authority says when to renew, with which profile, and is asked no more than it allows',
  { skip, timeout: 120_000 },
  async (t) => {
    const pebble = await startPebble(t, { env: { PEBBLE_AUTHZREUSE: '100' } })
    const challenges = Challenges.create(false)
    await serveTokens(t, challenges, pebble.httpPort)
    const storage = join(acmeFolder(t), 'acme')
    let past = false
    let limited = 0
    const front = await startFront(t, pebble, {
      profiles: { shortlived: 'six days' },
      window: () => {
        const start = Date.now() + (past ? -2 : 24) * 3_600_000
        return {
          start: new Date(Math.floor(start / 3_600_000) * 3_600_000),
          end: new Date(start + 3_600_000)
        }
      },
      instead: (path) => {
        if (!/order-plz/.test(path) || limited > 0) return undefined
        limited = Date.now()
        const body = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many orders' }
        return { status: 429, headers: { 'retry-after': '2' }, body }
      }
    })
    const authorities = [{ name: 'front', url: front.url, ca: pebble.ca }]
    const config = acmeConfig(pebble, storage, { authorities, profile: 'shortlived' })
    const first = keeper(t, { challenges })
    const name = 'a.example.com'
    await first.begin(config, [name])
    await first.until(() => first.names.certificate(name) !== undefined)
    t.ok(Date.now() - limited >= 2_000, 'Retry-After is waited for')
    t.match(
      first.lines.find(({ level }) => level === 'warn'),
      { message: /front: too many orders/ }
    )
    const orders = () => front.asked.filter(({ path }) => /order-plz/.test(path))
    t.match(orders().at(-1)!.payload, { profile: 'shortlived', identifiers: [{ type: 'dns', value: name }] })
    t.notOk(orders().at(-1)!.payload['replaces'])
    await first.until(() => /renews in (23|24|25) hours|renews in 1 day/.test(first.names.views()[0]!.text))
    const { renewAt } = first.names.views()[0]!
    first.names.close()

    const same = keeper(t, { challenges })
    await same.begin(config, [name])
    t.equal(same.names.views()[0]!.renewAt, renewAt, 'a restart draws no new lot')
    same.names.close()

    past = true
    makeDue(storage)
    const second = keeper(t, { challenges })
    const before = second.names
    await second.begin(config, [name])
    const { cert } = before.certificate(name)!
    await second.until(() => second.names.certificate(name)!.cert !== cert)
    const ari = front.asked.find(({ path }) => path.startsWith('/ari/'))!
    t.equal(orders().at(-1)!.payload['replaces'], ari.path.slice('/ari/'.length))
    second.names.close()

    const unknown = keeper(t, { challenges })
    await unknown.begin({ ...config, profile: 'tlsserver' }, ['b.example.com'])
    await unknown.until(() => unknown.names.views()[0]!.failures > 0)
    t.match(unknown.names.views()[0]!.reason, /no profile tlsserver \(it has shortlived\)/)
  }
)
