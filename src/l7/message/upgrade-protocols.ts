/**
 * What of an Upgrade field is asked of a backend: "websocket" and whatever else a tunnel is for. HTTP/2 and TLS are not
 * (RFC 9110 §7.8 lets a server ignore any): requests in such a tunnel would pass by the routes, limits and fields of
 * this proxy ("h2c smuggling").
 */
export function tunnelledProtocols(field: string): string {
  if (field === 'websocket' || field === '') return field
  return protocols(field)
    .filter((protocol) => PROTOCOL.test(protocol) && !HTTP_OR_TLS.test(protocol))
    .join(', ')
}

/** RFC 9110 §7.8: a server switches to what it was asked for, to one or to several layers of it. */
export function isAnswerTo(answered: string, asked: string): boolean {
  if (answered === '') return false
  const wanted = protocols(asked.toLowerCase())
  return protocols(answered.toLowerCase()).every((protocol) => wanted.includes(protocol))
}

const PROTOCOL = /^[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?$/
const HTTP_OR_TLS = /^(?:h2c?|h3|https?|tls|ssl)(?:$|[-/])/i

function protocols(field: string): string[] {
  return field.split(',').map((protocol) => protocol.trim())
}
