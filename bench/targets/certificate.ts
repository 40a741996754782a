import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A P-256 certificate for localhost in `folder`; `both.pem` is certificate and key in one, as HAProxy wants them. */
export function makeCertificate(folder: string): Certificate {
  const cert = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  if (existsSync(cert)) return { cert, key }
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const args = ['req', '-x509', ...curve, '-nodes', '-days', '30', ...name, '-keyout', key, '-out', cert]
  execFileSync('openssl', args, { stdio: 'ignore' })
  writeFileSync(join(folder, 'both.pem'), readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'))
  return { cert, key }
}
