/** What is known of a TLS connection once its handshake is done. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string
  /** As OpenSSL names it: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string
  /** By SNI, lower case; undefined when the client named none. */
  readonly serverName: string | undefined
  /** The protocol agreed on by ALPN. */
  readonly alpn: string | undefined
  /** An earlier session was resumed. */
  readonly resumed: boolean
  /** Verified; undefined when the client showed none, or one that its listener did not ask for. */
  readonly clientCertificate: ClientCertificate | undefined
}

/** A client's certificate as logs, matches and fields name it. */
export interface ClientCertificate {
  /** RFC 4514, the most specific part first: `CN=alice,OU=ops,O=Example`. */
  readonly subject: string
  readonly issuer: string
  readonly commonName: string | undefined
  /** As `DNS:alice.example`, `email:…`, `URI:spiffe://…`, `IP:…`. */
  readonly subjectAltNames: readonly string[]
  /** SHA-256 of the whole certificate, lower-case hex. */
  readonly fingerprint: string
  /** Lower-case hex. */
  readonly serial: string
  /** Milliseconds. */
  readonly notAfter: number
  /** DER. */
  readonly raw: Buffer
}
