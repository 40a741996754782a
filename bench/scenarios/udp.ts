import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { WrongAnswer } from '../harness/check-http.ts'
import { parseResult } from '../load/load-result.ts'
import type { UdpLoad } from '../load/udp-exchanges.ts'
import { contestants } from './contestants.ts'
import { sampleOf } from './http-load-scenario.ts'
import { costMetrics, errorMetric, memoryMetric } from './metrics.ts'
import type { Scenario } from './scenario.ts'

/** One datagram there, and the same one back. */
function checkEcho(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const timer = setTimeout(() => {
      socket.close()
      reject(new WrongAnswer('no datagram came back within 5 s'))
    }, 5000)
    socket.on('message', (bytes) => {
      clearTimeout(timer)
      socket.close()
      if (bytes.toString() === 'echo') resolve()
      else reject(new WrongAnswer('the datagram that came back is another'))
    })
    socket.send('echo', port, '127.0.0.1')
  })
}

function exchanges(name: string, title: string, about: string, renewed: boolean): Scenario {
  return {
    name,
    title,
    about,
    metrics: [...costMetrics('exchange'), memoryMetric, errorMetric],
    contestants: contestants('lb', 'nginx').map((contestant) => ({
      ...contestant,
      work: { mode: 'udp', udpResponses: renewed ? 1 : 0 }
    })),
    quick: false,
    open: async (bench) => ({
      backends: [await bench.origins.udp()],
      check: ({ port }) => checkEcho(port),
      measure: async ({ port }, seconds) => {
        const script = join(import.meta.dirname, '..', 'load', 'udp-exchanges.ts')
        const load: UdpLoad = { port, sockets: 64, seconds, renewed }
        const args = [script, JSON.stringify(load)]
        const spec = { name: 'udp-exchanges', command: process.execPath, args, cpus: bench.pins?.load }
        return sampleOf(parseResult(await bench.processes.run(spec, (seconds + 30) * 1000)))
      }
    })
  }
}

export const udpStanding = exchanges(
  'udp-standing',
  'UDP, an exchange of a standing session',
  '64 clients with a session each; 100 bytes there and back.',
  false
)

export const udpRenewed = exchanges(
  'udp-renewed',
  'UDP, a session for each exchange',
  'Each exchange of 100 bytes comes from a new port, as from resolvers; the session ends with its answer.',
  true
)
