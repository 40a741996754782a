import type { PathPolicy, Rewrite } from '../../config/model/model.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import { DEFAULT_PATH_POLICY } from '../uri/path-policy.ts'
import { hasPrefix } from './place.ts'

/** Gives the path to forward for a normalised one; undefined when it comes out as one to be refused (LB_BAD_PATH). */
export type PathRewrite = (path: string) => string | undefined

/**
 * In this order: the prefix is stripped where it is one (it ends with a segment), the expression replaces its first
 * match (`$1` as in String.replace), the other prefix is put before. What comes out begins with a slash and is
 * normalised again, since an expression can put dots next to slashes. The query is not touched.
 */
export function compileRewrite(rewrite: Rewrite, policy: PathPolicy = DEFAULT_PATH_POLICY): PathRewrite {
  const { stripPrefix, addPrefix, path: replace } = rewrite
  const regex = replace === undefined ? undefined : new RegExp(replace.regex)
  const added = addPrefix === undefined || addPrefix === '/' ? '' : addPrefix.replace(/\/$/, '')
  return (path) => {
    // The asterisk form is no path.
    if (path.charCodeAt(0) !== 47) return path
    let out = stripPrefix === undefined ? path : strip(path, stripPrefix)
    if (regex !== undefined) out = rooted(out.replace(regex, replace!.to))
    return normalisePath(added + out, policy)
  }
}

function strip(path: string, prefix: string): string {
  return hasPrefix(path, prefix) ? rooted(path.slice(prefix.length)) : path
}

function rooted(path: string): string {
  return path.charCodeAt(0) === 47 ? path : '/' + path
}
