import t from 'tap'
import { backend, lbOf } from './serve.ts'

t.test('requests are delayed and failed by chance', async (t) => {
  const port = await backend(t, (_request, response) => void response.end('fine'))
  const pools = { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  const one = (fault: object) => lbOf(t, { fault, pool: 'web' }, pools)
  const failing = await one({ abort: { percent: 100, status: 502 } })
  const answer = await fetch(failing)
  t.equal(answer.status, 502)
  t.equal(await answer.text(), 'fault injected\n')

  const slow = await one({ delay: { percent: 100, time: '100ms' }, abort: { percent: 0 } })
  const begun = performance.now()
  t.equal(await (await fetch(slow)).text(), 'fine')
  t.ok(performance.now() - begun >= 95, 'after the delay')
  const impatient = fetch(slow, { signal: AbortSignal.timeout(20) })
  await t.rejects(impatient, 'a client that leaves meanwhile')

  const some = await one({ abort: { percent: 30 } })
  let failed = 0
  for (let i = 0; i < 400; i++) {
    const { status, body } = await fetch(some)
    await body?.cancel()
    if (status === 503) failed++
  }
  t.ok(failed > 70 && failed < 170, `${failed} of 400 at 30 %`)
  t.equal((await fetch(await one({ delay: { percent: 0, time: '10s' } }))).status, 200)
})
