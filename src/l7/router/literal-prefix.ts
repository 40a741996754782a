/**
 * The path prefix that whatever matches a regular expression must begin with, up to its last slash, so that the index
 * can keep the expression from being tried on other paths: `^/brew/[0-9]+$` → `/brew/`. Undefined when there is none
 * or it cannot be told from the expression. A needless undefined only costs time.
 */
export function literalPrefix(source: string): string | undefined {
  if (source.charCodeAt(0) !== 94 /* ^ */ || source.includes('|')) return undefined
  let literal = ''
  let i = 1
  while (i < source.length) {
    let c = source[i]!
    let next = i + 1
    if (c === '\\') {
      c = source[next] ?? ''
      // An escaped letter or digit is a class or a back-reference.
      if (c === '' || /[\w]/.test(c)) break
      next++
    } else if ('[](){}.*+?$^'.includes(c)) {
      break
    }
    // With `?`, `*` or `{` after it the character may be missing.
    if ('?*{'.includes(source[next] ?? ' ')) break
    literal += c
    i = next
  }
  const slash = literal.lastIndexOf('/')
  if (slash <= 0 || literal.charCodeAt(0) !== 47) return undefined
  return literal.slice(0, slash + 1)
}
