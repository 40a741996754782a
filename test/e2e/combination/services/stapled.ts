import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestCertificate, TestCertificates } from '../../../net/certificates.ts'
import { answer, withResponder } from '../../../ocsp/responder.ts'

let made: Promise<TestCertificate> | undefined

/** A certificate of localhost that names a responder, which runs as long as the process. */
export function stapledCertificate(pki: TestCertificates): Promise<TestCertificate> {
  return (made ??= make(pki))
}

async function make(pki: TestCertificates): Promise<TestCertificate> {
  const responses = new Map<string, Buffer>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const asked = Buffer.concat(chunks)
      const known = responses.get(asked.toString('latin1')) ?? answer(pki, asked)
      responses.set(asked.toString('latin1'), known)
      response.setHeader('content-type', 'application/ocsp-response')
      response.end(known)
    })
  })
  server.listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ocsp`
  return withResponder(pki, url, { name: 'localhost' })
}
