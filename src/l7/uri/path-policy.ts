import type { PathPolicy } from '../../config/model/model.ts'

/** How paths are compared where nobody says. */
export const DEFAULT_PATH_POLICY: PathPolicy = {
  encodedSlash: 'refuse',
  mergeSlashes: true,
  semicolons: 'keep'
}

/** For comparing with routes: whether a path with `%2f` may go on is decided once its route is known. */
export function comparing(policy: PathPolicy): PathPolicy {
  return { ...policy, encodedSlash: 'keep' }
}
