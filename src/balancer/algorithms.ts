import type { AlgorithmName } from '../config/model/model.ts'
import { First } from './selectors/first.ts'
import { Hash } from './selectors/hash.ts'
import { LeastConnections } from './selectors/least-connections.ts'
import { LeastLoaded } from './selectors/least-loaded.ts'
import { LeastTime } from './selectors/least-time.ts'
import { Maglev } from './selectors/maglev.ts'
import { RandomOne } from './selectors/random.ts'
import { RandomTwo } from './selectors/random-two.ts'
import { RoundRobin } from './selectors/round-robin.ts'
import type { Algorithm } from './selectors/selector.ts'
import { WeightedRoundRobin } from './selectors/weighted-round-robin.ts'

/** Every algorithm of the config. To add one: a name in AlgorithmName, a file in selectors/, a line here. */
export const algorithms = {
  'round-robin': (deps) => new RoundRobin(deps),
  'weighted-round-robin': (deps) => new WeightedRoundRobin(deps),
  'least-connections': (deps) => new LeastLoaded(new LeastConnections(), deps),
  random: (deps) => new RandomOne(deps),
  'random-two': (deps) => new RandomTwo(deps),
  'least-time': (deps) => new LeastLoaded(new LeastTime(), deps),
  hash: (deps) => new Hash(deps),
  maglev: (deps) => new Maglev(deps),
  first: () => new First()
} satisfies Record<AlgorithmName, Algorithm>

/** Algorithms that keep a load tree. */
export function keepsTree(algorithm: AlgorithmName): boolean {
  return algorithm === 'least-connections' || algorithm === 'least-time'
}
