/** Groups of OpenSSL's syntax that bring suites without forward secrecy or with CBC. */
const BROAD =
  /^(HIGH|MEDIUM|LOW|ALL|DEFAULT|COMPLEMENTOF\w+|k?RSA|AES(128|256)?|CBC|SHA1?|SHA256|SHA384|SSLv3|TLSv1(\.0|\.2)?)$/
const OPEN = /^(e?NULL(-\w+)*|aNULL|aDH|AECDH|ADH|COMPLEMENTOFALL|ALL)$/i
const STRONG =
  /^(ECDHE|DHE|EECDH|EDH|kECDHE|kDHE|kEECDH|kEDH)\b.*(GCM|CHACHA20|CCM)|^(ECDHE|DHE)-.*(GCM|CHACHA20|CCM)|^(AESGCM|CHACHA20|AESCCM|AEAD)$/

/** What a list of cipher suites in OpenSSL's syntax lets in that its author may not have meant, one sentence each. Pure. */
export function cipherDoubts(ciphers: string): string[] {
  const parts = ciphers.split(/[:, ]+/).filter((part) => part !== '')
  const iana = parts.find((part) => /^TLS_\w+_WITH_/.test(part))
  if (iana !== undefined)
    return [
      `${iana} is not a name of OpenSSL; there it is ${opensslName(iana)}: as it stands, TLS 1.2 is switched off`
    ]
  // Node: a list of suites of TLS 1.3 only switches TLS 1.2 off.
  if (parts.every((part) => part.startsWith('TLS_')))
    return [
      'all of these suites are of TLS 1.3, so TLS 1.2 is switched off; if that is meant, write `minVersion: TLSv1.3`'
    ]
  const banned = new Set(parts.filter((part) => part.startsWith('!')).map((part) => part.slice(1)))
  const added = parts.filter((part) => /^[A-Za-z]/.test(part) && !part.startsWith('TLS_'))
  const bare = added.find((part) => OPEN.test(part) && !(banned.has('aNULL') && banned.has('eNULL')))
  if (bare !== undefined)
    return [
      `${bare} lets in suites without encryption or without a certificate; add :!aNULL:!eNULL, or leave "ciphers" out`
    ]
  const weak = added.find((part) => BROAD.test(part) || (part.includes('-') && !STRONG.test(part)))
  if (weak === undefined) return []
  return [
    `${weak} lets in suites without forward secrecy or with CBC, which tests of TLS rate low; leave "ciphers" out unless old clients need them`
  ]
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` → `ECDHE-RSA-AES128-GCM-SHA256`. */
function opensslName(name: string): string {
  return name
    .replace(/^TLS_/, '')
    .replace(/_WITH_/, '-')
    .replace(/AES_(128|256)_/, 'AES$1-')
    .replace(/_SHA256$/, (end) => (name.includes('CHACHA20') ? '' : end))
    .replace(/^RSA-/, '')
    .replace(/[_-]CBC_/, '-')
    .replaceAll('_', '-')
}
