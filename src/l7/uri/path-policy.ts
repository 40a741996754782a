import type { PathPolicy } from '../../config/model/model.ts'

/** How paths are compared by default. */
export const DEFAULT_PATH_POLICY: PathPolicy = {
  encodedSlash: 'refuse',
  mergeSlashes: true,
  semicolons: 'keep'
}

/** The policy for comparing with routes: whether a path with `%2f` or `;` is allowed is decided once its route is known. */
export function comparing(policy: PathPolicy): PathPolicy {
  const semicolons = policy.semicolons === 'agree' ? 'keep' : policy.semicolons
  return { ...policy, encodedSlash: 'keep', semicolons }
}
