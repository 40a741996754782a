import { join } from 'node:path'
import t from 'tap'
import { FolderStorage } from '../../src/acme/storage/folder-storage.ts'
import type { AcmeStorage } from '../../src/acme/storage/acme-storage.ts'
import { LeftAnswers } from '../../src/acme/names/left-answers.ts'
import { Challenges } from '../../src/net/tls/challenges.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { acmeConfig, acmeFolder, keeper, serveTokens } from './names.ts'
import { noPebble, startPebble } from './pebble.ts'

/** A process that is killed at one of its writes: nothing more comes of it, on the disk or to the authority. */
class Dying implements AcmeStorage {
  readonly #real: AcmeStorage
  readonly #at: number
  readonly #written: boolean
  #writes = 0
  readonly died: Promise<void>
  #die!: () => void

  /** `written`: the write at which it dies is done. */
  constructor(real: AcmeStorage, at: number, written: boolean) {
    this.#real = real
    this.#at = at
    this.#written = written
    this.died = new Promise((resolve) => (this.#die = resolve))
  }

  account = (url: string) => this.#real.account(url)
  name = (name: string) => this.#real.name(name)
  onDemand = () => this.#real.onDemand()
  forget = (name: string) => this.#real.forget(name)
  /** The next process finds it dead. */
  lock = async (what: string) => {
    const lock = await this.#real.lock(what)
    if (lock !== undefined) void this.died.then(() => lock.release())
    return lock
  }
  writeAccount: AcmeStorage['writeAccount'] = (record) => this.#write(() => this.#real.writeAccount(record))
  writeName: AcmeStorage['writeName'] = (record) => this.#write(() => this.#real.writeName(record))

  async #write(write: () => Promise<void>): Promise<void> {
    if (++this.#writes < this.#at) return write()
    if (this.#writes === this.#at && this.#written) await write()
    this.#die()
    return new Promise<void>(() => {})
  }
}

/** The account's key and URL, the order before and after it is asked for, and each step to the certificate. */
const WRITES = 9
/** The answer to a challenge, before the authority is told of it. */
const ANSWER = 6

t.test(
  'killed at any step, the next process goes on with the same order',
  { skip: noPebble, timeout: 180_000 },
  async (t) => {
    const pebble = await startPebble(t)
    const challenges = Challenges.create(false)
    await serveTokens(t, challenges, pebble.httpPort)
    const folder = acmeFolder(t)
    const moments = Array.from({ length: WRITES }, (_, i) =>
      [true, false].map((written) => ({ at: i + 1, written }))
    ).flat()
    await Promise.all(
      moments.map(async ({ at, written }) => {
        const name = `n${at}${written ? 'w' : ''}.example.com`
        const config = acmeConfig(pebble, join(folder, name))
        let dying: Dying | undefined
        const first = keeper(t, {
          challenges,
          storage: (path) => (dying = new Dying(new FolderStorage(path), at, written))
        })
        await first.begin(config, [name])
        await dying!.died
        first.names.close()
        const second = keeper(t, { challenges })
        await second.begin(config, [name])
        await second.until(() => second.names.certificate(name) !== undefined)
        t.strictSame(
          second.lines.filter(({ level }) => level === 'warn'),
          [],
          `${name} needs no second try`
        )
      })
    )
    t.equal(pebble.orders(), moments.length, 'one order for each name')
  }
)

for (const challenge of ['http-01', 'tls-alpn-01'] as const) {
  t.test(
    `${challenge}: what a killed process was to answer, the next one answers from its start until the order is done`,
    { skip: noPebble, timeout: 120_000 },
    async (t) => {
      const pebble = await startPebble(t)
      const name = 'a.example.com'
      const config = acmeConfig(pebble, acmeFolder(t), { challenge })
      let dying: Dying | undefined
      const first = keeper(t, {
        storage: (path) => (dying = new Dying(new FolderStorage(path), ANSWER, true))
      })
      await first.begin(config, [name])
      await dying!.died
      first.names.close()
      const { order } = (await new FolderStorage(config.storage).name(name))!
      const answer = order!.answer!
      const challenges = Challenges.create(false)
      const answered = () =>
        'token' in answer
          ? challenges.keyAuthorization(answer.token)
          : challenges.certificate(answer.serverName) && 'a certificate'
      const second = keeper(t, { challenges })
      await second.names.prepare(config, [name])
      t.equal(answered(), 'token' in answer ? answer.keyAuthorization : 'a certificate')
      if (challenge === 'tls-alpn-01') return
      await serveTokens(t, challenges, pebble.httpPort)
      await second.begin(config, [name])
      await second.until(() => second.names.certificate(name) !== undefined)
      t.equal(answered(), undefined, 'then no longer')
      t.equal((await new FolderStorage(config.storage).name(name))!.order, undefined)
    }
  )
}

t.test('answers that nobody comes back for are given up after a while', async (t) => {
  const clock = new FakeClock()
  const challenges = Challenges.create(false)
  const left = new LeftAnswers(clock, challenges)
  const order = { authority: 'https://ca.example/dir', since: 0, key: '', step: 'authorising' as const }
  const token = (n: number) => `${n}`.padStart(20, 't')
  for (let n = 0; n < 100; n++)
    left.put({
      name: `n${n}.example.com`,
      order: { ...order, answer: { token: token(n), keyAuthorization: 'k' } }
    })
  t.equal(challenges.keyAuthorization(token(0)), 'k')
  t.equal(challenges.keyAuthorization(token(99)), undefined, 'the memory is for orders under way')
  clock.advance(3_600_000)
  t.equal(challenges.keyAuthorization(token(0)), undefined)
})
