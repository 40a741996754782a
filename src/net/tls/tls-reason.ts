/** Parts of the codes of OpenSSL and Node. The first match counts; the words follow "the backend: ". */
const BY_CODE: readonly (readonly [part: RegExp, words: string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'its certificate, or that of its issuer, has expired'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet'],
  [/^(DEPTH_ZERO_SELF_SIGNED_CERT)$/, 'its certificate is self-signed: name it in tls.ca'],
  [/^SELF_SIGNED_CERT_IN_CHAIN$/, 'its authority is not known: name its certificate in tls.ca'],
  [/^UNABLE_TO_/, 'its authority is not known (tls.ca), or it does not send its intermediate certificate'],
  [/^INVALID_PURPOSE$/, 'its certificate is not for servers'],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/, 'it does not speak TLS on this port'],
  [/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW/, 'it speaks an old version of TLS only'],
  [/UNRECOGNIZED_NAME/, 'it does not know the name that was asked for, see tls.serverName'],
  [/NO_APPLICATION_PROTOCOL|^ERR_HTTP2_NOT_SPOKEN$/, 'it does not offer HTTP/2 (h2)'],
  [/CERTIFICATE_REQUIRED/, 'it wants a certificate, see tls.cert and tls.key'],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|ACCESS_DENIED|CERTIFICATE|UNSUPPORTED_CERTIFICATE)/,
    'it does not accept the certificate of tls.cert'
  ],
  [
    /HANDSHAKE_FAILURE/,
    'it ended the handshake: no version, cipher or name in common, or it wants a certificate (tls.cert)'
  ],
  [/^ERR_TLS_POSTGRES_NONE$/, 'asked for TLS, this PostgreSQL has none: ssl = on in its configuration'],
  [/^ERR_TLS_POSTGRES$/, 'asked for TLS, it does not answer as PostgreSQL does'],
  [/DH_KEY_TOO_SMALL|EE_KEY_TOO_SMALL|MD_TOO_WEAK/, 'its key or its signature is too weak'],
  [/UNSAFE_LEGACY_RENEGOTIATION/, 'it knows no safe renegotiation (RFC 5746)']
]

/** The code of a failed connect to a backend, with what it means where it is one of TLS. */
export function connectReason(error: NodeJS.ErrnoException | undefined): string {
  const code = error?.code ?? (error === undefined ? 'closed' : plainMessage(error))
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${code} (${otherName(error as NameError)})`
  const words = BY_CODE.find(([part]) => part.test(code))?.[1]
  return words === undefined ? code : `${code} (${words})`
}

/** What Node adds to the error for a certificate that is for other names. */
interface NameError extends Error {
  readonly host?: string
  readonly cert?: { readonly subjectaltname?: string }
}

/** Bound for what a backend's certificate says of itself. */
const MAX_NAMES = 200

function otherName({ host, cert }: NameError): string {
  const names = (cert?.subjectaltname ?? '').replaceAll(/(DNS|IP Address):/g, '').slice(0, MAX_NAMES)
  return `its certificate is for ${names === '' ? 'no name' : names}, not for ${host ?? 'this one'}: see tls.serverName`
}

/** What OpenSSL writes as `C0C6…:error:0A0000C7:SSL routines:function:what is wrong:file:line:`, or the message itself. */
export function plainMessage({ message }: Error): string {
  const parts = /(?:^|\s)[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message)
  return parts === null ? message : parts[1]!
}
