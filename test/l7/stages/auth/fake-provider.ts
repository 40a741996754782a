import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { jwk, rsaKey, signed } from './issuer.ts'

/** What is odd about a provider. */
export interface Oddities {
  readonly metadata?: object
  readonly claims?: object
  /** Seconds that its clock is ahead. */
  readonly ahead?: number
  /** In place of the tokens. */
  readonly tokenAnswer?: { readonly status: number; readonly body: object }
  /** In place of the code. */
  readonly error?: string
  readonly userinfo?: object
}

const key = rsaKey('one')

/** An OpenID provider in which everybody is alice at once; it remembers what it was asked. */
export async function fakeProvider(t: Test, oddities: Oddities = {}) {
  const { metadata, claims, ahead = 0, tokenAnswer, error, userinfo } = oddities
  const asked: { path: string; query: URLSearchParams; authorization: string; form: URLSearchParams }[] = []
  const nonces = new Map<string, string>()
  let url = ''

  const answers: Record<
    string,
    (query: URLSearchParams, form: URLSearchParams) => [number, object | string]
  > = {
    '/.well-known/openid-configuration': () => [
      200,
      {
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        userinfo_endpoint: `${url}/userinfo`,
        end_session_endpoint: `${url}/end`,
        jwks_uri: `${url}/jwks`,
        response_types_supported: ['code'],
        ...metadata
      }
    ],
    '/jwks': () => [200, { keys: [jwk(key)] }],
    '/userinfo': () => [200, { sub: 'alice', ...userinfo }],
    '/authorize': (query) => {
      const code = randomBytes(8).toString('hex')
      nonces.set(code, query.get('nonce')!)
      const back = new URL(query.get('redirect_uri')!)
      back.searchParams.set('state', query.get('state')!)
      if (error === undefined) back.searchParams.set('code', code)
      else back.searchParams.set('error', error)
      return [302, back.href]
    },
    '/token': (_, form) => {
      if (tokenAnswer !== undefined) return [tokenAnswer.status, tokenAnswer.body]
      const iat = Math.floor(Date.now() / 1000) + ahead
      const nonce = nonces.get(form.get('code')!)
      const token = { iss: url, aud: 'lb', sub: 'alice', iat, nbf: iat, exp: iat + 3600, nonce, ...claims }
      const id_token = signed({ alg: 'RS256', kid: 'one' }, token, key.privateKey)
      return [200, { access_token: 'opaque', token_type: 'Bearer', expires_in: 3600, id_token }]
    }
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, url)
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const form = new URLSearchParams(body)
      asked.push({
        path: pathname,
        query: searchParams,
        authorization: request.headers.authorization ?? '',
        form
      })
      const [status, answer] = answers[pathname]?.(searchParams, form) ?? [404, {}]
      if (typeof answer === 'string') response.writeHead(status, { location: answer }).end()
      else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, last: (path: string) => asked.findLast((each) => each.path === path) }
}
