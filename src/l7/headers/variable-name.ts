/**
 * The name that CGI, WSGI and PHP read a field by, with hyphens: they make a variable of it in which every mark is an
 * underscore, so that `X_Real!IP` is X-Real-IP to them. `name` in lower case.
 */
export function variableName(name: string): string {
  return name.replace(/[^a-z0-9]/g, '-')
}
