import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { KnownNames } from '../../src/net/dial/known-names.ts'

const found = (...texts: string[]): LookupAddress[] => texts.map((address) => ({ address, family: 4 }))

async function thread(t: Test) {
  const worker = new Worker(join(import.meta.dirname, 'known-names-worker.ts'))
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  return {
    async asked(name: string): Promise<unknown> {
      const answer = once(worker, 'message')
      worker.postMessage(name)
      return (await answer)[0]
    },
    ask(name: string) {
      const answer = once(worker, 'message')
      worker.postMessage(name)
      return answer
    }
  }
}

t.test(
  'a thread whose resolver fails uses what others were answered, before it began or later',
  async (t) => {
    const heard: [string, string[]][] = []
    const names = new KnownNames((name, addresses) =>
      heard.push([name, addresses.map(({ address }) => address)])
    )
    names.answered('before.test', found('10.0.0.1', '10.0.0.2'))
    const [one, two] = await Promise.all([thread(t), thread(t)])
    t.same(await one.asked('before.test'), found('10.0.0.1', '10.0.0.2'))
    t.equal(await one.asked('unknown.test'), 'EAI_AGAIN')

    const waits = one.ask('slow.hangs.test')
    // Its question is out: messages of one thread come in order.
    names.answered('slow.hangs.test', found('10.0.0.4'))
    t.same((await waits)[0], found('10.0.0.4'), 'who waits for the resolver waits no longer')

    names.answered('before.test', found('10.0.0.2', '10.0.0.1'))
    t.same(await one.asked('before.test'), found('10.0.0.1', '10.0.0.2'), 'another order is nothing new')
    names.answered('before.test', found('10.0.0.9'))
    const until = async (name: string, address: string): Promise<unknown> => {
      for (;;) {
        const now = (await two.asked(name)) as LookupAddress[]
        if (now[0]?.address === address) return now
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    t.same(await until('before.test', '10.0.0.9'), found('10.0.0.9'))

    t.same(await one.asked('app.here.test'), found('10.0.0.3'))
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve))
    t.same(heard, [['app.here.test', ['10.0.0.3']]])
    t.same(names.get('app.here.test'), found('10.0.0.3'))
  }
)

t.test('names are kept up to a bound', async (t) => {
  const names = new KnownNames(() => {})
  for (let at = 0; at < 5_000; at++) names.answered(`n${at}.bound.test`, found('10.1.1.1'))
  t.equal(names.get('n0.bound.test'), undefined)
  t.same(names.get('n4999.bound.test'), found('10.1.1.1'))
})
