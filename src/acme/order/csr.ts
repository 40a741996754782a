import { isIP } from 'node:net'
import { keyPair, library, SIGNATURE } from './library.ts'

/** A request for a certificate (RFC 2986) for one name or address, signed by the key that it is for; base64url of its DER. */
export async function certificateRequest(name: string, key: string): Promise<string> {
  const x509 = await library()
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    // RFC 8555 §7.4: the names in subjectAltName are enough; a common name holds 64 characters at most.
    name: '',
    keys: await keyPair(key),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }])
    ]
  })
  return Buffer.from(made.rawData).toString('base64url')
}
