import { domainToASCII } from 'node:url'

/** What an operator writes as a URL: encodes names in Unicode, characters beyond ASCII and spaces as clients do before they send them. */
export function asSent(url: string): string {
  const host = /^(https?:\/\/)([^/?#:]*[^\x00-\x7f][^/?#:]*)/i.exec(url)
  if (host !== null) {
    const ascii = domainToASCII(host[2]!)
    if (ascii !== '') return asSent(`${host[1]}${ascii}${url.slice(host[0].length)}`)
  }
  return url.replace(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text.toWellFormed()))
}
