import { once } from 'node:events'
import { connect } from 'node:tls'
import { checkCertificate } from '../../../../src/net/tls/certificates/check-certificate.ts'
import type { TestCertificate } from '../../../net/certificates.ts'

/** The fingerprint of the certificate that is shown, or the error's code. */
export async function shownAt(port: number, ca: string, servername: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca, servername })
  try {
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().fingerprint256
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error'
  } finally {
    socket.destroy()
  }
}

export const fingerprint = ({ cert, key }: TestCertificate): string =>
  checkCertificate(cert, key, Date.now()).facts!.fingerprint
