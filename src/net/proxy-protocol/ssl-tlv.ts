import type { TlsFacts } from '../tls/tls-facts.ts'
import { PP2_TYPE_SSL, tlv } from './tlvs.ts'

/** §2.2.6: flags about the client's TLS. */
const CLIENT_SSL = 0x01
const CLIENT_CERT_CONN = 0x02
const CLIENT_CERT_SESS = 0x04
const SUBTYPE_SSL_VERSION = 0x21
const SUBTYPE_SSL_CN = 0x22
const SUBTYPE_SSL_CIPHER = 0x23
/** Longer names are left out: receivers have room for 4 KiB. */
const MAX_NAME = 512

/**
 * The client's TLS that was terminated here: version, cipher, and whether a verified certificate was presented on this
 * connection or when the session began.
 */
export function sslTlv({ version, cipher, resumed, clientCertificate }: TlsFacts): Buffer {
  const shown = resumed ? CLIENT_CERT_SESS : CLIENT_CERT_CONN | CLIENT_CERT_SESS
  const flags = clientCertificate === undefined ? CLIENT_SSL : CLIENT_SSL | shown
  const head = Buffer.alloc(5)
  head[0] = flags
  // Zero means that a certificate was presented and verified.
  head.writeUInt32BE(clientCertificate === undefined ? 1 : 0, 1)
  const name = clientCertificate?.commonName
  return tlv(
    PP2_TYPE_SSL,
    Buffer.concat([
      head,
      tlv(SUBTYPE_SSL_VERSION, Buffer.from(version, 'latin1')),
      ...(name !== undefined && Buffer.byteLength(name) <= MAX_NAME
        ? [tlv(SUBTYPE_SSL_CN, Buffer.from(name, 'utf8'))]
        : []),
      tlv(SUBTYPE_SSL_CIPHER, Buffer.from(cipher, 'latin1'))
    ])
  )
}
