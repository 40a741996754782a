import { mix32 } from '../../src/core/hash-string.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import type { AlgorithmName, PoolConfig } from '../../src/config/model/model.ts'
import type { Clock } from '../../src/core/clock.ts'
import { seededRandom, type Random } from '../../src/core/random.ts'
import { capacityPerMs, MEAN_SERVICE_MS, type Job, type Scenario } from './backends.ts'
import { EventHeap } from './event-heap.ts'

export interface SimOptions {
  readonly algorithm: AlgorithmName
  /** Balancers that know nothing of each other; each request comes to one at random. */
  readonly balancers: number
  readonly requests: number
  readonly seed: number
}

/** Share of the requests at the start that is not counted, while queues fill. */
const WARM_UP = 0.1

/**
 * Response times in ms, sorted, of Poisson arrivals over backends with exponential service times. It is the real Pool
 * that picks, on a clock that the simulation moves; no sockets. The same options give the same numbers.
 */
export function simulate(scenario: Scenario, options: SimOptions): Float64Array {
  const { algorithm, balancers, requests, seed } = options
  const random = seededRandom(seed)
  const clock = { now: 0 }
  const pools = Array.from({ length: balancers }, (_, i) =>
    poolOf(scenario, algorithm, clock, seededRandom(seed + 1 + i))
  )
  const queues = scenario.backends.map(() => new Queue())
  const busy = new Int32Array(scenario.backends.length)
  const done = new EventHeap(scenario.backends.reduce((sum, backend) => sum + backend.workers, 1))
  const serving: Job[] = []
  const freeIds: number[] = []
  const times = new Float64Array(requests)
  const meanGapMs = 1 / (scenario.load * capacityPerMs(scenario))
  const context = { hash: 0 }
  let nextArrival = 0
  let arrived = 0
  let finished = 0

  const start = (backend: number, job: Job) => {
    busy[backend]!++
    const id = freeIds.pop() ?? serving.length
    serving[id] = job
    const serviceMs = (exponential(random) * MEAN_SERVICE_MS) / scenario.backends[backend]!.speed
    done.push(clock.now + serviceMs, id)
  }

  while (finished < requests) {
    if (arrived < requests && nextArrival <= done.nextAt) {
      clock.now = nextArrival
      nextArrival += exponential(random) * meanGapMs
      context.hash = mix32(arrived++)
      const lease = pools[Math.floor(random() * balancers)]!.acquire(context)!
      const backend = lease.position
      const job = { at: clock.now, lease }
      if (busy[backend]! < scenario.backends[backend]!.workers) start(backend, job)
      else queues[backend]!.push(job)
      continue
    }
    clock.now = done.nextAt
    const id = done.pop()
    const { at, lease } = serving[id]!
    freeIds.push(id)
    const backend = lease.position
    lease.release('ok', clock.now - at)
    times[finished++] = clock.now - at
    busy[backend]!--
    const next = queues[backend]!.shift()
    if (next !== undefined) start(backend, next)
  }
  return times
    .subarray(Math.floor(requests * WARM_UP))
    .slice()
    .sort()
}

function poolOf(scenario: Scenario, algorithm: AlgorithmName, time: { now: number }, random: Random): Pool {
  const clock: Clock = { now: () => time.now, wall: () => 0, after: () => () => {} }
  const config = {
    name: 'sim',
    algorithm,
    hash: { key: { kind: 'client-ip' }, boundedLoad: 1.25 },
    backends: scenario.backends.map((_, i) => {
      const text = `10.0.0.${i}:80`
      const address = { kind: 'tcp', host: `10.0.0.${i}`, port: 80, text }
      return { name: text, address, weight: 1, backup: false }
    }),
    queue: { max: 0, timeoutMs: 0 },
    slowStartMs: 0,
    panicThreshold: 0
  } as unknown as PoolConfig
  const table = BackendTable.create({ capacity: scenario.backends.length, poolCapacity: 1, shared: false })
  const slots = new SlotRegistry(table, clock).assign([config]).sim!
  return new Pool({ config, slots, table, clock, random })
}

function exponential(random: Random): number {
  return -Math.log(1 - random())
}

/** First in, first out; the array is cut when half of it is used up. */
class Queue {
  #jobs: Job[] = []
  #head = 0

  push(job: Job): void {
    this.#jobs.push(job)
  }

  shift(): Job | undefined {
    const job = this.#jobs[this.#head]
    if (job === undefined) return undefined
    if (++this.#head > 1024 && this.#head * 2 > this.#jobs.length) {
      this.#jobs = this.#jobs.slice(this.#head)
      this.#head = 0
    }
    return job
  }
}
