import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import type { Test } from 'tap'
import { answering, labOf, OK, rawBackend } from '../../engine/lab.ts'

/** A provider, and a route that asks for a login there. `host`: of the provider, another site than the route's where it is a name. */
export async function oidcWorld(t: Test, more: object = {}, ttl = 3600, host = '127.0.0.1') {
  let serve: RequestListener = (_, response) => void response.end()
  const server = createServer((request, response) => serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`
  const heads: string[] = []
  const backend = await rawBackend(
    answering((head) => {
      heads.push(head)
      return OK
    })
  )
  t.teardown(() => backend.close())
  const oidc = {
    issuer,
    clientId: 'lb',
    clientSecret: 'secret-of-the-client',
    scopes: ['openid', 'offline_access'],
    timeout: '5s',
    ...more
  }
  const lab = await labOf([backend], {
    listener: { auth: [{ oidc }], identity: { header: 'x-user', strip: true } }
  })
  t.teardown(() => lab.close())
  const app = `http://127.0.0.1:${lab.port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'lb',
        client_secret: 'secret-of-the-client',
        redirect_uris: [`${app}/.lb/oidc/callback`],
        post_logout_redirect_uris: [`${app}/`],
        grant_types: ['authorization_code', 'refresh_token'],
        backchannel_logout_uri: `${app}/.lb/oidc/backchannel`,
        backchannel_logout_session_required: true
      }
    ],
    // Without its guard against addresses of this machine.
    fetch: (url: string, { dispatcher: _, ...options }: { dispatcher?: unknown }) => fetch(url, options),
    features: { backchannelLogout: { enabled: true } },
    pkce: { required: () => true },
    ttl: { AccessToken: ttl, IdToken: 3600 },
    rotateRefreshToken: true
  })
  const refreshes: number[] = []
  provider.on('grant.success', ({ oidc }) => {
    if (oidc.params?.['grant_type'] === 'refresh_token') refreshes.push(Date.now())
  })
  const handle = provider.callback()
  serve = (request, response) => void handle(request, response)
  return { app, issuer, heads, refreshes, lab }
}
