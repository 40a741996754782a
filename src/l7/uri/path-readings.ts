import type { PathPolicy } from '../../config/model/model.ts'
import { normalisePath } from './normalise-path.ts'
import { comparing } from './path-policy.ts'

const ENCODED = /%(?:2F|5C)/
const ALL_ENCODED = /%(?:2F|5C)/g
/** RFC 3986 §3.3: parameters of a segment, which servlet containers cut off. */
const PARAMETERS = /;[^/]*/g

/** Whether servers may read the path in several ways. It is in the form for comparing. */
export function isAmbiguous(path: string): boolean {
  return path.includes('%') || path.includes(';')
}

/**
 * Why a path that servers read differently is refused, or undefined. Some treat `%2f` and `%5c` as a slash, and some cut
 * off what follows a `;`: with `agree` each reading, and both together, must choose the same route (`sameRoute`).
 */
export function readingProblem(
  path: string,
  policy: PathPolicy,
  sameRoute: (otherwiseRead: string) => boolean
): string | undefined {
  const slashes = policy.encodedSlash !== 'keep' && ENCODED.test(path)
  if (slashes && policy.encodedSlash === 'refuse')
    return 'a path with %2f or %5c (paths.encodedSlash: refuse)'
  const compared = comparing(policy)
  const decoded = slashes ? path.replace(ALL_ENCODED, '/') : path
  if (slashes) {
    const why = problem(decoded, compared, sameRoute)
    if (why !== undefined) return `${why} if %2f or %5c is read as a slash (paths.encodedSlash: agree)`
  }
  if (policy.semicolons !== 'agree' || !path.includes(';')) return undefined
  const why =
    problem(path.replace(PARAMETERS, ''), compared, sameRoute) ??
    (slashes ? problem(decoded.replace(PARAMETERS, ''), compared, sameRoute) : undefined)
  return why === undefined ? undefined : `${why} without what follows a semicolon (paths.semicolons: agree)`
}

function problem(
  otherwiseRead: string,
  policy: PathPolicy,
  sameRoute: (otherwiseRead: string) => boolean
): string | undefined {
  const path = normalisePath(otherwiseRead, policy)
  if (path === undefined) return 'a path that leaves the root'
  return sameRoute(path) ? undefined : 'a path that has another route'
}
