/**
 * The IANA registry, and what llhttp knows besides. Others are answered 501
 * (RFC 9110 §9.1) unless the listener's `limits.methods` names them.
 */
const KNOWN = [
  'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE', 'COPY', 'LOCK', 'MKCOL', 'MOVE',
  'PROPFIND', 'PROPPATCH', 'SEARCH', 'UNLOCK', 'BIND', 'REBIND', 'UNBIND', 'ACL', 'REPORT', 'MKACTIVITY', 'CHECKOUT',
  'MERGE', 'M-SEARCH', 'NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE', 'PURGE', 'MKCALENDAR', 'LINK', 'UNLINK', 'SOURCE', 'QUERY',
  // RFC 3253 (versions), RFC 3648 (order), RFC 4437 (redirects) of WebDAV.
  'BASELINE-CONTROL', 'CHECKIN', 'LABEL', 'MKWORKSPACE', 'UNCHECKOUT', 'UPDATE', 'VERSION-CONTROL', 'ORDERPATCH',
  'MKREDIRECTREF', 'UPDATEREDIRECTREF'
] // prettier-ignore

const methods = new Map(KNOWN.map((name) => [name, name]))

export function isKnownMethod(name: string): boolean {
  return methods.has(name)
}

/** RFC 9110 §9.2.2: may be repeated without asking. */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'TRACE':
    case 'PUT':
    case 'DELETE':
    case 'PROPFIND':
    case 'QUERY':
    case 'SEARCH':
      return true
    default:
      return false
  }
}

/** RFC 9110 §9.2.1: changes nothing on the server. */
export function isSafe(method: string): boolean {
  return isIdempotent(method) && method !== 'PUT' && method !== 'DELETE'
}
