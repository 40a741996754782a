/** What to look at when an authority could not see the proof of a name, by the type of its error (RFC 8555 §6.7). `challenge` is empty for an order. */
export function cureOf(type: string, challenge: string, said = ''): string | undefined {
  const port = challenge === 'http-01' ? 80 : challenge === 'tls-alpn-01' ? 443 : undefined
  if (challenge === '' && /^(dns|incorrectResponse|unauthorized)$/.test(type)) return undefined
  // Some authorities say "unauthorized" for all of it.
  if (type === 'unauthorized' && /resolve|NXDOMAIN|SERVFAIL|no such host/i.test(said))
    return cureOf('dns', challenge)
  if (type === 'unauthorized' && /connect|refused|time(d )?out|unreachable/i.test(said))
    return cureOf('connection', challenge)
  switch (type) {
    case 'dns':
      return port === undefined
        ? 'has the hook put the TXT record in place, and can it be seen from outside?'
        : 'does the name have an A or AAAA record that can be seen from outside?'
    case 'connection':
    case 'tls':
      return port === undefined
        ? undefined
        : `port ${port} of the name has to lead here from outside: DNS, firewall, forwarding`
    case 'unauthorized':
    case 'incorrectResponse':
      return port === undefined
        ? 'the TXT record was not there: "present" of the hook has to wait until it can be seen'
        : `something else answers on port ${port} of the name: does its DNS record (AAAA too) lead here, and is no other proxy in front?`
    case 'caa':
      return 'a CAA record of the domain names other authorities only'
    case 'rejectedIdentifier':
      return 'this authority does not sign for such a name'
    default:
      return undefined
  }
}

/** For a refusal of the order itself. */
export function withCure(text: string, type: string | undefined): string {
  const cure = type === undefined ? undefined : cureOf(type, '')
  return cure === undefined ? text : `${text}; ${cure}`
}
