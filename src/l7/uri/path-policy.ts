import type { PathPolicy } from '../../config/model/model.ts'

/**
 * `%2f` and `%5c` are refused: a slash and a backslash that are not separators to some servers and are to others. Some APIs
 * need them (GitLab's project ids, npm's scoped packages): `keep` passes them on as they are.
 */
export const DEFAULT_PATH_POLICY: PathPolicy = { encodedSlash: 'refuse', mergeSlashes: true }
