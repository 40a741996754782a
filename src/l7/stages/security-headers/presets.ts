import type { SecurityHeadersKeys } from './keys.ts'

/** The fields of a preset; keys of the configuration change them. */
export type Preset = Partial<Omit<SecurityHeadersKeys, 'preset' | 'override' | 'hide'>>

const YEAR_MS = 365 * 24 * 3_600_000

export const presets: Readonly<Record<SecurityHeadersKeys['preset'], Preset>> = {
  none: {},
  // For responses to programs: never a page, never in a frame.
  api: {
    hsts: YEAR_MS,
    nosniff: true,
    frame: 'DENY',
    referrer: 'no-referrer',
    csp: "default-src 'none'; frame-ancestors 'none'",
    resource: 'same-origin'
  },
  // Works for every site that does not embed itself in frames of other sites.
  site: {
    hsts: YEAR_MS,
    nosniff: true,
    frame: 'SAMEORIGIN',
    referrer: 'strict-origin-when-cross-origin',
    opener: 'same-origin-allow-popups'
  },
  // For a site that was built for it.
  strict: {
    hsts: 2 * YEAR_MS,
    hstsSubdomains: true,
    nosniff: true,
    frame: 'DENY',
    referrer: 'no-referrer',
    csp: "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    permissions: 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    opener: 'same-origin',
    embedder: 'require-corp',
    resource: 'same-origin'
  }
}
