import t from 'tap'
import type { BackendAddress } from '../../../src/config/model/model.ts'
import { MAX_REFUSED, NONE_FOR_MS, UpstreamTls } from '../../../src/net/tls/upstream-tls.ts'

const address: BackendAddress = { kind: 'tcp', host: 'db.test', port: 1, text: 'db.test:1' }
const session = (text: string) => Buffer.from(text)

t.test(
  'after a refusal no session is offered for a while, whatever sessions other connections bring',
  async (t) => {
    const tls = new UpstreamTls({ verify: true })
    const [old, newer] = [session('old'), session('newer')]
    const offered = (now: number) => tls.optionsFor(address, now).session
    tls.remember(address, old)
    t.equal(offered(0), old)
    // Another connection was made meanwhile.
    tls.remember(address, newer)
    tls.refused(address, old, 10)
    t.equal(offered(10), undefined, 'the next one begins without')
    tls.remember(address, session('third'))
    t.equal(offered(9 + NONE_FOR_MS), undefined)
    t.same(offered(10 + NONE_FOR_MS), session('third'))
    const other = { ...address, text: 'other' }
    tls.remember(other, session('of another'))
    t.same(tls.optionsFor(other, 10 + NONE_FOR_MS).session, session('of another'))
    tls.refused(address, session('third'), 20 + NONE_FOR_MS)
    t.equal(
      tls.optionsFor(other, 20 + NONE_FOR_MS).session,
      undefined,
      'the next try may go to another backend'
    )
  }
)

t.test('what began together counts once, and after so many in a row no session is offered', async (t) => {
  const tls = new UpstreamTls({ verify: true })
  const one = session('one')
  const offered = (now: number) => tls.optionsFor(address, now).session
  let now = 0
  const refuse = () => {
    tls.remember(address, one)
    t.equal(offered(now), one)
    for (let i = 0; i < 50; i++) tls.refused(address, one, now + i)
    now += 50 + NONE_FOR_MS
  }
  for (let times = 1; times < MAX_REFUSED; times++) refuse()
  tls.taken(address)
  for (let times = 1; times <= MAX_REFUSED; times++) refuse()
  tls.remember(address, one)
  t.equal(offered(now), undefined)
  tls.taken(address)
  tls.remember(address, one)
  t.equal(offered(now), one, 'one that was under way was resumed after all')
})
