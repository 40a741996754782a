import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export const b64 = (value: object | string | Buffer): string =>
  Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString(
    'base64url'
  )

export function rsaKey(kid: string, bits = 2048): SigningKey {
  return { kid, ...generateKeyPairSync('rsa', { modulusLength: bits }) }
}

export function ecKey(kid: string, namedCurve = 'P-256'): SigningKey {
  return { kid, ...generateKeyPairSync('ec', { namedCurve }) }
}

export function edKey(kid: string): SigningKey {
  return { kid, ...generateKeyPairSync('ed25519') }
}

export function jwk({ kid, publicKey }: SigningKey, more: object = {}): object {
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', ...more }
}

/** `header` and `claims` as they are to stand in the token, whatever they are. */
export function signed(header: object | string, claims: object | string, key: KeyObject | undefined): string {
  const data = `${b64(header)}.${b64(claims)}`
  if (key === undefined) return `${data}.`
  const alg = String((typeof header === 'string' ? (JSON.parse(header) as object) : header)['alg' as never])
  return `${data}.${b64(signature(alg, data, key))}`
}

function signature(alg: string, data: string, key: KeyObject): Buffer {
  const bytes = Buffer.from(data)
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('HS')) return createHmac(hash, key).update(bytes).digest()
  if (key.asymmetricKeyType === 'ed25519') return sign(null, bytes, key)
  if (key.asymmetricKeyType === 'ec') return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
  return sign('sha256', bytes, alg.startsWith('PS') ? { key, padding: 6, saltLength: 32 } : key)
}

export interface Issuer {
  readonly url: string
  readonly jwks: string
  keys: object[]
  /** Of the JWKS. */
  fetches: number
  /** Answers 503. */
  down: boolean
  close(): Promise<void>
}

export async function startIssuer(keys: object[]): Promise<Issuer> {
  const issuer = { url: '', jwks: '', keys, fetches: 0, down: false, close: () => Promise.resolve() }
  const server = createServer((request, response) => {
    if (issuer.down) response.writeHead(503).end()
    else if (request.url === '/jwks') {
      issuer.fetches++
      response.end(JSON.stringify({ keys: issuer.keys }))
    } else response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: issuer.jwks }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  issuer.jwks = `${issuer.url}/jwks`
  issuer.close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return issuer
}
