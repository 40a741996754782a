import type { ClientCertificate } from '../../../net/tls/tls-facts.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ForwardHead } from '../../exchange/forward-head.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON } from '../verdict.ts'

/** Further names are left out: backends limit the size of a request head. */
const MAX_NAMES_TEXT = 4_096
const FIELDS = [
  'x-client-cert-subject',
  'x-client-cert-issuer',
  'x-client-cert-san',
  'x-client-cert-fingerprint',
  'x-client-cert-serial',
  'x-client-cert-not-after'
]

/** Made once per certificate: a connection keeps the object. */
const made = new WeakMap<ClientCertificate, string>()

/**
 * `clientAuth.forward`: tells backends which certificate the client proved to have. The forwarding stage has removed
 * such fields of the client, unless the peer is a trusted proxy: then they are replaced here.
 */
const clientCert: Stage = {
  name: 'client-cert',

  forward(exchange: Exchange, { headers }: ForwardHead): void {
    if (exchange.trusted) for (const name of FIELDS) headers.remove(name)
    const certificate = exchange.tls?.clientCertificate
    if (certificate !== undefined) headers.appendLines(lines(certificate))
  }
}

/** Logs the certificate's subject in the access log. */
const logged: Stage = {
  name: 'client-cert',

  request(exchange: Exchange) {
    const certificate = exchange.tls?.clientCertificate
    if (certificate !== undefined) exchange.addLogField('clientCert', certificate.subject)
    return GO_ON
  }
}

export function compile(_keys: undefined, { listener }: StageContext): Stage | undefined {
  const clientAuth = listener.tls?.clientAuth
  if (clientAuth === undefined) return undefined
  return clientAuth.forward ? { ...logged, ...clientCert } : logged
}

function lines(certificate: ClientCertificate): string {
  let text = made.get(certificate)
  if (text === undefined) made.set(certificate, (text = linesOf(certificate)))
  return text
}

function linesOf({
  subject,
  issuer,
  subjectAltNames,
  fingerprint,
  serial,
  notAfter
}: ClientCertificate): string {
  let names = ''
  for (const name of subjectAltNames) {
    const more = (names === '' ? '' : ', ') + encoded(name)
    if (names.length + more.length > MAX_NAMES_TEXT) break
    names += more
  }
  return (
    `X-Client-Cert-Subject: ${subject}\r\nX-Client-Cert-Issuer: ${issuer}\r\n` +
    (names === '' ? '' : `X-Client-Cert-San: ${names}\r\n`) +
    `X-Client-Cert-Fingerprint: ${fingerprint}\r\nX-Client-Cert-Serial: ${serial}\r\n` +
    `X-Client-Cert-Not-After: ${new Date(notAfter).toISOString()}\r\n`
  )
}

/** Characters that separate names or can end a field are percent-encoded. */
function encoded(name: string): string {
  return name.replace(/[^!-+\--~]|%/gu, (character) => {
    const bytes = [...Buffer.from(character)]
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
}
