/**
 * The name that CGI, WSGI and PHP read a field by, with hyphens: they make a variable of it in which every mark is an
 * underscore, so that `X_Real!IP` is X-Real-IP to them. `name` in lower case.
 */
export function variableName(name: string): string {
  return name.replace(/[^a-z0-9]/g, '-')
}

/** Of lower-case letters and digits, by character code: every other character is a mark. */
export function isAlphanumeric(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57)
}
