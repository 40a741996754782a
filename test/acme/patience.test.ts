import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Account } from '../../src/acme/client/account.ts'
import { AcmeClient } from '../../src/acme/client/acme-client.ts'
import type { Http, HttpAnswer } from '../../src/acme/client/http.ts'
import { obtain } from '../../src/acme/order/obtain.ts'
import { FolderStorage } from '../../src/acme/storage/folder-storage.ts'
import type { OrderRecord } from '../../src/acme/storage/records.ts'
import { systemClock } from '../../src/core/clock.ts'
import { acmeFolder } from './names.ts'

// What a process that is killed leaves to the next.

const AT = 'https://ca.example'
const PATIENCE_S = 2

/** An authority that asks for patience at one URL, and answers it with a refusal after that. */
function authority(impatient: string): {
  http: Http
  asked: { url: string; at: number }[]
  told: () => number
} {
  const asked: { url: string; at: number }[] = []
  let told = 0
  const valid = impatient !== `${AT}/authz`
  const bodies: Record<string, () => object> = {
    '/dir': () => ({ newNonce: `${AT}/nonce`, newAccount: `${AT}/account`, newOrder: `${AT}/new` }),
    '/order': () => ({
      status: told > 0 && impatient.endsWith('/order') ? 'processing' : valid ? 'ready' : 'pending',
      authorizations: [`${AT}/authz`],
      finalize: `${AT}/finalize`
    }),
    '/authz': () => ({
      status: valid ? 'valid' : 'pending',
      identifier: { type: 'dns', value: 'a.example' },
      challenges: [{ type: 'http-01', url: `${AT}/challenge`, token: 'a'.repeat(20), status: 'pending' }]
    }),
    '/finalize': () => ({ status: 'processing', authorizations: [], finalize: `${AT}/finalize` })
  }
  const http: Http = {
    async send(_, url): Promise<HttpAnswer> {
      const path = url.slice(AT.length)
      asked.push({ url, at: Date.now() })
      const headers: Record<string, string> = { 'content-type': 'application/json', 'replay-nonce': `n${asked.length}`, location: `${AT}${path === '/new' ? '/order' : '/me'}` } // prettier-ignore
      // By the answer to what was posted before it, as authorities do.
      if (path === (valid ? '/finalize' : '/challenge')) {
        told = Date.now()
        headers['retry-after'] = String(PATIENCE_S)
      }
      return { status: 200, headers, body: JSON.stringify(bodies[path]?.() ?? {}) }
    },
    close() {}
  }
  return { http, asked, told: () => told }
}

for (const url of [`${AT}/authz`, `${AT}/order`]) {
  t.test(`Retry-After holds over a restart: ${url}`, async (t) => {
    const { http, asked, told } = authority(url)
    const storage = new FolderStorage(acmeFolder(t))
    const saved: (OrderRecord | undefined)[] = []
    const parts = () => ({
      ...{ name: 'a.example', clock: systemClock, challenge: 'http-01' as const, profile: undefined, replaces: undefined }, // prettier-ignore
      account: new Account(new AcmeClient(`${AT}/dir`, http, systemClock), { name: 'ca', url: `${AT}/dir` }, storage, undefined), // prettier-ignore
      solver: async () => async () => {},
      save: async (order: OrderRecord | undefined) => void saved.push(order)
    })
    // The first process hears of it, writes it down, and is never heard of again.
    const alive = setInterval(() => {}, 100)
    void obtain(parts(), undefined).catch(() => {})
    while (saved.at(-1)?.rest === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
    t.equal(saved.at(-1)!.rest!.url, url)
    const [before, since] = [asked.length, told()]
    void obtain(parts(), saved.at(-1)).catch(() => {})
    const again = () => asked.slice(before).find((each) => each.url === url)
    while (again() === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
    clearInterval(alive)
    t.ok(again()!.at - since >= PATIENCE_S * 1000 - 50, `asked again after ${again()!.at - since} ms`)
  })
}

t.test(
  'files of writes that a kill has cut off go away, and none that somebody may be writing',
  async (t) => {
    const folder = acmeFolder(t)
    for (const part of ['accounts', 'names', 'locks']) mkdirSync(join(folder, part), { recursive: true })
    const put = (file: string, text = '{"na', ageMs = 0): void => {
      writeFileSync(join(folder, file), text)
      const then = new Date(Date.now() - ageMs)
      utimesSync(join(folder, file), then, then)
    }
    const DAY = 86_400_000
    const random = '0123456789ab'
    put(`names/a.example.json.${random}.tmp`)
    put(`names/b.example.json.${random}.tmp`)
    put(`names/old.example.json.${random}.tmp`, '', DAY)
    put(`accounts/ca.example-123456789abc.json.${random}.tmp`, '', DAY)
    put(`locks/a.example.${random}${random}.tmp.dead`, '', DAY)
    put(`locks/c.example.${random}${random}.tmp`)
    const kept = ['names/a.example.json', 'names/notes.tmp', 'names/x.json.tmp', 'locks/tmp']
    for (const file of kept) put(file, '{}', DAY)
    // A process that is no more, on this machine.
    const storage = new FolderStorage(folder)
    const lock = await storage.lock('other.example')
    const own = new FolderStorage(folder)
    t.ok(lock)
    const [one] = readdirSync(join(folder, 'locks')).filter((name) => name === 'other.example')
    const holder = JSON.parse(readFileSync(join(folder, 'locks', one!), 'utf8')) as { began: string }
    put(`locks/d.example.${random}${random}.tmp`, JSON.stringify({ ...holder, began: '1' }))

    t.ok(await own.lock('a.example'))
    const left = (['accounts', 'names', 'locks'] as const).flatMap((part) =>
      readdirSync(join(folder, part)).map((name) => `${part}/${name}`)
    )
    const fresh = [`names/b.example.json.${random}.tmp`, `locks/c.example.${random}${random}.tmp`]
    t.strictSame(left.sort(), [...kept, ...fresh, 'locks/a.example', 'locks/other.example'].sort())
    await own.lock('b.example')
    t.notOk(readdirSync(join(folder, 'names')).includes(`b.example.json.${random}.tmp`), 'with its lock')
  }
)
