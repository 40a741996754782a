declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'

  /** As far as the tests need it. */
  export default class Provider {
    constructor(issuer: string, configuration: object)
    callback(): RequestListener
    on(event: 'grant.success', heard: (context: { oidc: { params?: Record<string, unknown> } }) => void): void
  }
}
