import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { TestCertificate, TestCertificates } from '../net/certificates.ts'

/** Who signs, and for how long: arguments of `openssl ocsp`. */
export type Signing = readonly string[]

/** The answer of `openssl ocsp` to a request, by the authority's own index. */
export function answer(pki: TestCertificates, request: Buffer, signing: Signing = []): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'lb-ocsp-'))
  const [asked, answered] = [join(folder, 'request'), join(folder, 'response')]
  try {
    writeFileSync(asked, request)
    const signer = signing.includes('-rsigner') ? [] : ['-rsigner', 'ca.pem', '-rkey', 'ca.key']
    const period = signing.includes('-nmin') ? [] : ['-ndays', '4']
    execFileSync(
      'openssl',
      ['ocsp', '-index', 'index.txt', '-CA', 'ca.pem', '-reqin', asked, '-respout', answered].concat(
        signer,
        period,
        signing
      ),
      { cwd: dirname(pki.caFile), stdio: 'pipe' }
    )
    return readFileSync(answered)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An OCSP responder over HTTP. */
export async function startResponder(
  t: Test,
  pki: TestCertificates
): Promise<{ url: string; asked: number }> {
  const responder = { url: '', asked: 0 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      responder.asked++
      response.setHeader('content-type', 'application/ocsp-response')
      response.end(answer(pki, Buffer.concat(chunks)))
    })
  })
  server.listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  responder.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ocsp`
  return responder
}

/** A certificate that names a responder, with its issuer behind it. */
export function withResponder(
  pki: TestCertificates,
  url: string,
  options: { readonly must?: boolean; readonly key?: 'ec' | 'rsa'; readonly name?: string } = {}
): TestCertificate {
  const { must = false, key = 'ec', name = 'a.test' } = options
  const feature = must ? '\ntlsfeature=status_request' : ''
  const made = pki.issue({
    subject: `/CN=${name}`,
    san: `DNS:${name}`,
    key,
    extensions: `authorityInfoAccess=OCSP;URI:${url}${feature}`
  })
  const cert = made.cert + pki.ca
  writeFileSync(made.files.cert, cert)
  return { ...made, cert }
}
