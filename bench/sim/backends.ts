import type { Lease } from '../../src/balancer/pool/lease.ts'
import { seededRandom, type Random } from '../../src/core/random.ts'

/** One request on its way: when it came and the lease it holds. */
export interface Job {
  at: number
  lease: Lease
}

/** What a simulated backend is: so many workers behind one queue, each so fast. */
export interface BackendModel {
  readonly workers: number
  /** 1: MEAN_SERVICE_MS per request. */
  readonly speed: number
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly backends: readonly BackendModel[]
  /** Share of the capacity of all workers that arrives. */
  readonly load: number
}

export const MEAN_SERVICE_MS = 10
const COUNT = 100
const WORKERS = 4

function evenly(from: number, to: number, random: Random): BackendModel[] {
  return Array.from({ length: COUNT }, () => ({ workers: WORKERS, speed: from + (to - from) * random() }))
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'uneven',
    title: '100 backends, speeds from 0.85 to 1.15, 80 % load',
    backends: evenly(0.85, 1.15, seededRandom(11)),
    load: 0.8
  },
  {
    name: 'one-slow',
    title: '100 equal backends but one at a tenth of the speed, 80 % load',
    backends: evenly(1, 1, seededRandom(11)).map((backend, i) =>
      i === 42 ? { ...backend, speed: 0.1 } : backend
    ),
    load: 0.8
  }
]

export function capacityPerMs({ backends }: Scenario): number {
  return backends.reduce((sum, { workers, speed }) => sum + (workers * speed) / MEAN_SERVICE_MS, 0)
}
