import { z } from 'zod'
import { defaults } from '../../../../config/defaults.ts'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, flag, text, word } from '../../../../config/schema/leaf/leaves.ts'
import { absolutePath, fieldName, httpUrl } from '../../../../config/schema/leaf/network-leaves.ts'
import { claimPath, unverifiedEmail } from '../jwt/keys.ts'

/** Parameters of a login that lb itself sets: the login would not be safe, or not end here, with others. */
const OWN_PARAMETERS = new Set(
  'client_id redirect_uri response_type response_mode scope state nonce code_challenge code_challenge_method request request_uri'.split(' ') // prettier-ignore
)

/** What is said of an issuer that no login can come from. */
function whyNoIssuer(value: string): string | undefined {
  if (value.includes('/.well-known/')) return 'write the issuer itself, without "/.well-known/…"'
  return /^https?:\/\/(?:www\.|api\.)?(?:github\.com|facebook\.com|discord\.com|x\.com|twitter\.com|bitbucket\.org)(?:\/|$)/i.test(
    value
  )
    ? `${new URL(value).host} does not speak OpenID Connect for logins: put a provider between (Dex, Keycloak, Authentik), or use \`forward\` with oauth2-proxy`
    : undefined
}

export const oidcSchema = mapping(
  {
    issuer: httpUrl('https://idp.example', whyNoIssuer).describe(
      'URL of the provider; its metadata gives the rest (OpenID Connect Discovery).'
    ),
    clientId: text('the id of the client', { max: 512 }).describe('Id of this client at the provider.'),
    clientSecret: text('the secret of the client', { max: 4096 }).describe(
      'Secret of this client at the provider, or `file:path`.'
    ),
    sessionSecret: text('a secret of at least 32 characters', { min: 32, max: 4096 })
      .optional()
      .describe(
        'Key that encrypts sessions; left out: derived from `clientSecret`. Changing it ends all sessions.'
      ),
    scopes: listOf(text('a scope such as email', { max: 256 }), { min: 1, max: 64 })
      .prefault(['openid'])
      .describe('Requested scopes; `offline_access` for a refresh token, where the provider requires it.'),
    params: z
      .record(
        text('the name of a parameter such as audience', {
          max: 128,
          reject: (name) =>
            OWN_PARAMETERS.has(name)
              ? name === 'scope'
                ? 'it is set by `scopes`'
                : name === 'client_id'
                  ? 'it is set by `clientId`'
                  : name === 'redirect_uri'
                    ? 'it is set by `callback` and `origin`'
                    : 'lb sets it itself'
              : undefined
        }),
        text('the value of a parameter', { min: 0, max: 2048 })
      )
      .prefault({})
      .describe(
        'More parameters of the login: `{ audience: … }`, `{ access_type: offline }`, `{ hd: example.com }`. An empty value leaves out one that lb would send: `{ prompt: "" }`.'
      ),
    clientAuth: word(['basic', 'post'])
      .optional()
      .describe(
        'How id and secret are sent to the provider: in `Authorization`, or in the form; left out: `basic`, unless the metadata of the provider names `post` alone.'
      ),
    skew: duration({ min: 0, max: 600_000, example: '60s' })
      .prefault('60s')
      .describe('How far the clocks of lb and the provider may differ.'),
    origin: httpUrl('https://app.example')
      .optional()
      .describe(
        'Scheme and host that users see; left out: those of the request, which must be registered at the provider.'
      ),
    callback: absolutePath()
      .prefault(defaults.oidc.callback)
      .describe('Path to which the provider sends users back; a route with this `auth` must match it.'),
    logout: absolutePath()
      .prefault(defaults.oidc.logout)
      .describe('Path that ends the session here and, if possible, at the provider.'),
    backchannel: absolutePath()
      .prefault(defaults.oidc.backchannel)
      .describe('Path that the provider calls when a session has ended there (back-channel logout).'),
    frontchannel: absolutePath()
      .prefault(defaults.oidc.frontchannel)
      .describe(
        'Path that the provider loads in the browser when a session ends there (front-channel logout).'
      ),
    cookie: fieldName()
      .prefault(defaults.oidc.cookie)
      .describe('Name of the session cookie, and beginning of the names of its parts.'),
    session: duration({ min: 60_000, max: 31 * 24 * 3_600_000, example: '8h' })
      .prefault('8h')
      .describe('How long a session lasts at most; then a new login.'),
    store: word(['cookie', 'redis'])
      .prefault('cookie')
      .describe(
        'Where sessions are stored: encrypted in the cookie, or encrypted in Redis, with only the id in the cookie.'
      ),
    name: claimPath('email').prefault('sub').describe('Claim of the ID token with the name.'),
    unverifiedEmail: unverifiedEmail(),
    roles: claimPath('realm_access.roles').optional().describe('Claim of the ID token with the roles.'),
    userinfo: flag()
      .prefault(false)
      .describe(
        'Asks the userinfo endpoint of the provider too, at each login and refresh, for claims that the ID token lacks.'
      ),
    timeout: duration({ min: 100, max: 60_000, example: '10s' })
      .prefault('10s')
      .describe('How long the provider may take to answer.')
  },
  { example: '{ issuer: "https://idp.example", clientId: lb, clientSecret: file:/etc/lb/oidc }' }
)

export type OidcInput = z.output<typeof oidcSchema>
