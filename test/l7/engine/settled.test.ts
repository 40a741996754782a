import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { start } from '../../../src/index.ts'
import { L7Engine } from '../../../src/l7/l7-engine.ts'

setFlagsFromString('--expose-gc')
setFlagsFromString('--allow-natives-syntax')
const collect = runInNewContext('gc') as () => void
const isFast = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean

t.test(
  'exchanges are no hash tables, even if V8 decides on their size right after a collection',
  async (t) => {
    const made: boolean[] = []
    const original = Object.getOwnPropertyDescriptor(L7Engine.prototype, 'exchange')!
      .value as L7Engine['exchange']
    t.teardown(() => (L7Engine.prototype.exchange = original))
    L7Engine.prototype.exchange = function (...of) {
      const exchange = original.apply(this, of)
      made.push(isFast(exchange))
      return exchange
    }
    const listener = { name: 'web', bind: '127.0.0.1:0', mode: 'l7' as const }
    const lb = await start({ workers: 0, listeners: [{ ...listener, routes: [{ respond: { body: 'x' } }] }] })
    t.teardown(() => lb.kill())
    const ask = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await (await fetch(`http://${lb.addresses[0]!.address}`)).text()
    }
    // The seventh decides, by the shapes of those that are alive.
    await ask(6)
    await wait(20)
    for (let i = 0; i < 3; i++) collect()
    await ask(6)
    t.strictSame(made, Array(12).fill(true))
  }
)
