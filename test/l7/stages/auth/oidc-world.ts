import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import type { Test } from 'tap'
import { answering, labOf, OK, rawBackend } from '../../engine/lab.ts'

/** An issuer whose clients are known only once the routes that log in there run. `host`: another site than theirs where it is a name. */
export async function oidcIssuer(t: Test, host = '127.0.0.1') {
  let serve: RequestListener = (_, response) => void response.end()
  const server = createServer((request, response) => serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`
  const refreshes: number[] = []
  /** The first of `apps` is told of logouts. */
  const open = (apps: readonly string[], ttl = 3600): void => {
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: 'lb',
          client_secret: 'secret-of-the-client',
          redirect_uris: apps.map((app) => `${app}/.lb/oidc/callback`),
          post_logout_redirect_uris: apps.map((app) => `${app}/`),
          grant_types: ['authorization_code', 'refresh_token'],
          backchannel_logout_uri: `${apps[0]!}/.lb/oidc/backchannel`,
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
    provider.on('grant.success', ({ oidc }) => {
      if (oidc.params?.['grant_type'] === 'refresh_token') refreshes.push(Date.now())
    })
    const handle = provider.callback()
    serve = (request, response) => void handle(request, response)
  }
  return { issuer, refreshes, open }
}

/** The keys of a route that asks for a login there. */
export function oidcKeys(issuer: string, more: object = {}): object {
  return {
    issuer,
    clientId: 'lb',
    clientSecret: 'secret-of-the-client',
    scopes: ['openid', 'offline_access'],
    timeout: '5s',
    ...more
  }
}

/** A provider, and a route that asks for a login there. */
export async function oidcWorld(t: Test, more: object = {}, ttl = 3600, host = '127.0.0.1') {
  const { issuer, refreshes, open } = await oidcIssuer(t, host)
  const heads: string[] = []
  const backend = await rawBackend(
    answering((head) => {
      heads.push(head)
      return OK
    })
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend], {
    listener: { auth: [{ oidc: oidcKeys(issuer, more) }], identity: { header: 'x-user', strip: true } }
  })
  t.teardown(() => lab.close())
  const app = `http://127.0.0.1:${lab.port}`
  open([app], ttl)
  return { app, issuer, heads, refreshes, lab }
}
