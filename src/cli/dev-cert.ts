import { writeDevCertificate } from '../runtime/certificates/dev-certificate.ts'

/** The names in the certificate when none are given. */
const NAMES = ['localhost', '*.localhost', '127.0.0.1', '::1']

/** `lb dev-cert`: creates a certificate for development, and explains how to trust it. */
export async function devCert(names: readonly string[], folder: string): Promise<void> {
  const wanted = names.length === 0 ? NAMES : names
  const { ca, cert, key, known } = await writeDevCertificate(folder, wanted, Date.now())
  const lines = [
    `certificate for ${wanted.join(', ')}`,
    '',
    '  tls:',
    '    certificates:',
    `      - { cert: ${cert}, key: ${key} }`,
    ''
  ]
  if (known)
    lines.push(`signed by the existing authority ${ca}: where that is trusted, this certificate is too.`)
  else lines.push(...trust(ca))
  process.stdout.write(`${lines.join('\n')}\n`)
}

function trust(ca: string): string[] {
  return [
    `Its authority is ${ca}. To trust it on this machine:`,
    `  Debian, Ubuntu   sudo cp ${ca} /usr/local/share/ca-certificates/lb-dev.crt && sudo update-ca-certificates`,
    `  Fedora, RHEL     sudo trust anchor ${ca}`,
    `  macOS            sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${ca}`,
    `  Windows          certutil -addstore -f ROOT ${ca}`,
    `  Chrome (Linux)   certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n lb-dev -i ${ca}`,
    `  one command      curl --cacert ${ca} https://localhost:8443/`,
    '',
    'Anyone who has the ca.key beside it can impersonate every site to those who trust it: keep it on this machine.'
  ]
}
