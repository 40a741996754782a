import { parseArgs } from 'node:util'
import { clientKinds, type ClientKind } from './clients/connect.ts'
import type { BackendKind } from './origins/origin.ts'
import { runWorld } from './world.ts'

// node --expose-gc test/e2e/combination/long.ts --minutes 10 [--seed 1] [--requests 500] [--connections 24]
//   [--clients h2,h2-tls] [--backend tls] [--on cache,reload] [--off fault]
// LB_NET=sockets before it: over Node's own sockets.
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    worlds: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    requests: { type: 'string', default: '500' },
    connections: { type: 'string', default: '24' },
    clients: { type: 'string', default: clientKinds.join() },
    backend: { type: 'string' },
    on: { type: 'string', default: '' },
    off: { type: 'string', default: '' }
  }
})
const until = Date.now() + Number(values.minutes) * 60_000
const first = Number(values.seed)
const features = Object.fromEntries([
  ...values.on.split(',').map((name) => [name, true] as const),
  ...values.off.split(',').map((name) => [name, false] as const)
])
const options = {
  requests: Number(values.requests),
  connections: Number(values.connections),
  clients: values.clients.split(',') as ClientKind[],
  features,
  ...(values.backend === undefined ? {} : { backend: values.backend as BackendKind })
}
let failures = 0
let uploads = 0
let answered = 0
let waits = 0
let lateMs = 0
let seed = first
console.log(`from seed ${first}`)
for (; Date.now() < until && seed - first < Number(values.worlds); seed++) {
  const result = await runWorld(seed, options)
  uploads += result.uploads
  answered += result.answered
  waits += result.waits
  lateMs = Math.max(lateMs, result.lateMs)
  if (seed - first === 5 || seed - first === 50) console.log(`heap ${heapMb()} MB after ${seed - first}`)
  if (result.wrong.length === 0) continue
  failures++
  console.error(
    `seed ${seed}, a timer ${result.lateMs} ms late (${result.features.join(', ')}):\n  ${result.wrong.slice(0, 5).join('\n  ')}`
  )
}
const worlds = seed - first
console.log(
  `${worlds} worlds, ${answered} answers, ${waits} that were waited for in vain, ${uploads} uploads, ${failures} worlds with something wrong; a timer ${lateMs} ms late at most; heap ${heapMb()} MB`
)
process.exit(failures === 0 ? 0 : 1)

function heapMb(): string {
  globalThis.gc?.()
  return (process.memoryUsage().heapUsed / 1e6).toFixed(1)
}
