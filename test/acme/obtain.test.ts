import { X509Certificate } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Challenges } from '../../src/net/tls/challenges.ts'
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
