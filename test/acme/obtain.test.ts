import { X509Certificate } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Challenges } from '../../src/net/tls/challenges.ts'
import { FolderStorage } from '../../src/acme/storage/folder-storage.ts'
import { StorageError } from '../../src/acme/storage/acme-storage.ts'
import { acmeConfig, acmeFolder, keeper, serveTokens } from './names.ts'
import { noPebble, startPebble } from './pebble.ts'

t.test(
  'a certificate is obtained by http-01, kept safe, and there again after a restart',
  { skip: noPebble },
  async (t) => {
    const pebble = await startPebble(t)
    const challenges = Challenges.create(false)
    await serveTokens(t, challenges, pebble.httpPort)
    const storage = join(acmeFolder(t), 'acme')
    const config = acmeConfig(pebble, storage, { email: 'ops@example.com' })
    const first = keeper(t, { challenges })
    await first.begin(config, ['a.example.com'])
    await first.until(() => first.names.certificate('a.example.com') !== undefined)
    const { cert } = first.names.certificate('a.example.com')!
    t.match(new X509Certificate(cert).subjectAltName, 'DNS:a.example.com')
    const [view] = first.names.views()
    t.match(view!.text, /^authorised by http-01, renews in \d+ days$/)
    for (const name of readdirSync(storage, { recursive: true, encoding: 'utf8' })) {
      const stat = statSync(join(storage, name))
      t.equal(stat.mode & 0o777, stat.isDirectory() ? 0o700 : 0o600, name)
      t.notMatch(name, /tmp/)
    }
    t.equal(statSync(storage).mode & 0o777, 0o700)
    first.names.close()

    const second = keeper(t, { challenges })
    await second.begin(config, ['a.example.com'])
    t.equal(second.names.certificate('a.example.com')?.cert, cert)
    t.equal(pebble.orders(), 1)
  }
)

t.test('a full disk is no fault of the authority, and no other is asked', { skip: noPebble }, async (t) => {
  const pebble = await startPebble(t)
  const folder = acmeFolder(t)
  class Full extends FolderStorage {
    override writeName(): Promise<void> {
      return Promise.reject(
        new StorageError('names/a.json cannot be written: ENOSPC: no space left on device')
      )
    }
  }
  const { authorities } = acmeConfig(pebble, folder)
  const config = acmeConfig(pebble, folder, {
    authorities: [authorities[0]!, { ...authorities[0]!, name: 'second' }]
  })
  const { begin, until, lines } = keeper(t, { storage: (where) => new Full(where) })
  await begin(config, ['a.example.com'])
  await until(() => lines.some(({ message }) => /ENOSPC/.test(message)))
  const said = lines.filter(({ message }) => /ENOSPC/.test(message))
  t.equal(said[0]!.level, 'error')
  t.match(said[0]!.message, /^certificate of a\.example\.com: names\/a\.json cannot be written: ENOSPC/)
  t.notMatch(lines.map(({ message }) => message).join(), /pebble|second/)
  t.equal(pebble.orders(), 0)
})
