import { join } from 'node:path'
import t from 'tap'
import { FolderStorage } from '../../src/acme/storage/folder-storage.ts'
import type { AcmeStorage } from '../../src/acme/storage/acme-storage.ts'
import { Challenges } from '../../src/net/tls/challenges.ts'
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
const WRITES = 8

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
