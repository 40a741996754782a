import { Lru, Sieve } from './policies.ts'
import { SharedStorePolicy } from './shared-store-policy.ts'
import { scannedTrace, zipfTrace } from './traces.ts'

/** Hit rates of the store and of the policies it was chosen among. `node bench/cache-trace/run.ts [requests]` */
const requests = Number(process.argv[2] ?? 400_000)
const objects = 100_000

const traces = [
  { name: 'Zipf(0.9)', trace: zipfTrace(requests, objects, 0.9, 1) },
  { name: 'Zipf(0.7)', trace: zipfTrace(requests, objects, 0.7, 2) },
  { name: 'Zipf(0.9) with a fifth scans', trace: scannedTrace(requests, objects, 0.9, 1000, 3) }
]

for (const { name, trace } of traces) {
  for (const megabytes of [4, 16, 64]) {
    const maxBytes = megabytes << 20
    const line = [new Lru(maxBytes), new Sieve(maxBytes), new SharedStorePolicy(maxBytes)].map((policy) => {
      let hits = 0
      // The first quarter fills the cache.
      const warm = trace.length >> 2
      trace.forEach((request, n) => {
        if (policy.request(request) && n >= warm) hits++
      })
      return `${policy.name} ${((hits / (trace.length - warm)) * 100).toFixed(1)} %`
    })
    console.log(`${name}, ${megabytes} MB: ${line.join(' · ')}`)
  }
}
