import type { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, text, word } from '../../../../config/schema/leaf/leaves.ts'
import { absolutePath, fieldName } from '../../../../config/schema/leaf/network-leaves.ts'
import { claimPath, httpUrl } from '../jwt/keys.ts'

export const oidcSchema = mapping(
  {
    issuer: httpUrl('https://idp.example').describe(
      'The provider; the rest is asked of it (OpenID Connect Discovery).'
    ),
    clientId: text('the id of the client', { max: 512 }).describe('What the provider calls this client.'),
    clientSecret: text('the secret of the client', { max: 4096 }).describe(
      'What it shares with the provider; `file:path` may stand for it.'
    ),
    sessionSecret: text('a secret of at least 32 characters', { min: 32, max: 4096 })
      .optional()
      .describe(
        'What sessions are sealed by; left out: derived from `clientSecret`. Another one ends all sessions.'
      ),
    scopes: listOf(text('a scope such as email', { max: 256 }), { min: 1, max: 64 })
      .prefault(['openid'])
      .describe('What is asked for; `offline_access` for a refresh token, where the provider wants that.'),
    origin: httpUrl('https://app.example')
      .optional()
      .describe(
        'Scheme and host that users know; left out: those of the request, which the provider must have registered.'
      ),
    callback: absolutePath()
      .prefault('/.lb/oidc/callback')
      .describe('Where the provider sends users back to; a route with this `auth` must take it.'),
    logout: absolutePath()
      .prefault('/.lb/oidc/logout')
      .describe('What ends the session here and, where it can, at the provider.'),
    backchannel: absolutePath()
      .prefault('/.lb/oidc/backchannel')
      .describe('Where the provider tells that a session has ended there (back-channel logout).'),
    frontchannel: absolutePath()
      .prefault('/.lb/oidc/frontchannel')
      .describe('What the provider loads in the browser when a session ends there (front-channel logout).'),
    cookie: fieldName()
      .prefault('lb_session')
      .describe('Name of the session cookie, and how those of its parts begin.'),
    session: duration({ min: 60_000, max: 31 * 24 * 3_600_000, example: '8h' })
      .prefault('8h')
      .describe('How long a session lasts at most; then a new login.'),
    store: word(['cookie', 'redis'])
      .prefault('cookie')
      .describe(
        'Where sessions are kept: in the cookie itself, sealed, or sealed in Redis, with a cookie that holds the id alone.'
      ),
    name: claimPath('email').prefault('sub').describe('Claim of the ID token with the name.'),
    roles: claimPath('realm_access.roles').optional().describe('Claim of the ID token with the roles.'),
    timeout: duration({ min: 100, max: 60_000, example: '10s' })
      .prefault('10s')
      .describe('How long the provider may take.')
  },
  { example: '{ issuer: "https://idp.example", clientId: lb, clientSecret: file:/etc/lb/oidc }' }
)

export type OidcInput = z.output<typeof oidcSchema>
