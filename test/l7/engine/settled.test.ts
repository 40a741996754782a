import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { start } from '../../../src/index.ts'
import { Exchange } from '../../../src/l7/exchange/exchange.ts'
import { StageRun } from '../../../src/l7/exchange/stage-run.ts'

setFlagsFromString('--expose-gc')
setFlagsFromString('--allow-natives-syntax')
const collect = runInNewContext('gc') as () => void
const isFast = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean

t.test(
  'exchanges are no hash tables, even if V8 decides on their size right after a collection',
  async (t) => {
    const made: boolean[] = []
    const prototype = Exchange.prototype
    const run = Object.getOwnPropertyDescriptor(StageRun.prototype, 'run')!.value as Exchange['run']
    t.teardown(() => Reflect.deleteProperty(prototype, 'run'))
    prototype.run = function () {
      made.push(isFast(this))
      run.call(this)
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
