import type { AlgorithmName } from '../config/model.ts'
import { LeastConnections } from './selectors/least-connections.ts'
import { RoundRobin } from './selectors/round-robin.ts'
import type { Algorithm } from './selectors/selector.ts'
import { WeightedRoundRobin } from './selectors/weighted-round-robin.ts'

const roundRobin: Algorithm = (parts) => new RoundRobin(parts)

/** Every algorithm of the config. To add one: a name in AlgorithmName, a file in selectors/, a line here. */
export const algorithms = {
  'round-robin': roundRobin,
  'weighted-round-robin': (parts) => new WeightedRoundRobin(parts),
  'least-connections': () => new LeastConnections(),
  random: roundRobin,
  'random-two': roundRobin,
  'least-time': () => new LeastConnections(),
  hash: roundRobin,
  maglev: roundRobin,
  first: roundRobin
} satisfies Record<AlgorithmName, Algorithm>
