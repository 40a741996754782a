/** Facts about a TLS connection after its handshake. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string
  /** Its name in OpenSSL: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string
  /** From SNI, lower case; undefined when the client sent none. */
  readonly serverName: string | undefined
  /** The protocol negotiated by ALPN. */
  readonly alpn: string | undefined
  /** An earlier session was resumed. */
  readonly resumed: boolean
  /** Verified; undefined when the client presented none, or one that its listener did not request. */
  readonly clientCertificate: ClientCertificate | undefined
  /** Why the certificate that the client has presented is not accepted, where its listener requires one. */
  readonly clientProblem: string | undefined
}

/** A client's certificate in the form for logs, matches and fields. */
export interface ClientCertificate {
  /** RFC 4514, the most specific part first: `CN=alice,OU=ops,O=Example`. */
  readonly subject: string
  readonly issuer: string
  readonly commonName: string | undefined
  /** In the form `DNS:alice.example`, `email:…`, `URI:spiffe://…`, `IP:…`. */
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
