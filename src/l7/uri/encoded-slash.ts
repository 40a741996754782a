import type { PathPolicy } from '../../config/model/model.ts'
import { normalisePath } from './normalise-path.ts'

const ENCODED = /%(?:2F|5C)/
const ALL_ENCODED = /%(?:2F|5C)/g

/**
 * Why a path with `%2f` or `%5c` is refused, or undefined. Some servers treat `%2f` as a slash and some do not, so with
 * `agree` both readings must choose the same route (`sameRoute`). `path` is in the form for comparing.
 */
export function encodedSlashProblem(
  path: string,
  policy: PathPolicy,
  sameRoute: (otherwiseRead: string) => boolean
): string | undefined {
  if (policy.encodedSlash === 'keep' || !ENCODED.test(path)) return undefined
  if (policy.encodedSlash === 'refuse') return 'a path with %2f or %5c (paths.encodedSlash: refuse)'
  const other = normalisePath(path.replace(ALL_ENCODED, '/'), policy)
  if (other === undefined)
    return 'a path that leaves the root if %2f or %5c is read as a slash (paths.encodedSlash: agree)'
  if (sameRoute(other)) return undefined
  return 'a path that has another route if %2f or %5c is read as a slash (paths.encodedSlash: agree)'
}
