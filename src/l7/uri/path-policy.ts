/** What to do with paths that servers read differently. */
export interface PathPolicy {
  /**
   * `%2f` and `%5c`, a slash and a backslash that are not separators to some servers and are to others. Some APIs
   * need them (GitLab's project ids, npm's scoped packages): `keep` passes them on as they are.
   */
  readonly encodedSlash: 'refuse' | 'keep'
  /** Whether `//` counts as `/` when routes are compared. The path that is forwarded keeps them. */
  readonly mergeSlashes: boolean
}

export const DEFAULT_PATH_POLICY: PathPolicy = { encodedSlash: 'refuse', mergeSlashes: true }
