/** Why `value` cannot be an allowed origin, or undefined. */
export function originProblem(value: string): string | undefined {
  if (value === '*') return undefined
  const match = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^/?#@*]+)$/i.exec(value)
  if (match === null) {
    return value === 'null'
      ? '"null" is the origin of every sandboxed page of any site; it cannot be allowed'
      : /^https?:\/\/[^/?#*]+\/$/.test(value)
        ? `an origin has no slash at its end: "${value.slice(0, -1)}"`
        : `"${value}" is not an origin; write https://app.example.com, without a path, or https://*.example.com`
  }
  return URL.canParse(`${match[1]}://${match[2] === undefined ? '' : 'x.'}${match[3]}`)
    ? undefined
    : `"${value}" is not an origin`
}

/** A set of origins: exact ones, and all subdomains of some. */
export class Origins {
  readonly any: boolean
  readonly #exact: ReadonlySet<string>
  readonly #wild: readonly { readonly scheme: string; readonly suffix: string }[]

  constructor(origins: readonly string[]) {
    this.any = origins.includes('*')
    this.#exact = new Set(origins.filter((origin) => !origin.includes('*')).map(asBrowsersWrite))
    this.#wild = origins
      .filter((origin) => origin.includes('://*.'))
      .map((origin) => {
        const written = asBrowsersWrite(origin.replace('*', 'x'))
        const name = written.indexOf('://') + '://'.length
        return { scheme: written.slice(0, name), suffix: written.slice(name + 1) }
      })
  }

  /** `origin`: as browsers write it, in lower case and without a default port. */
  has(origin: string): boolean {
    if (this.any || this.#exact.has(origin)) return true
    for (const { scheme, suffix } of this.#wild) {
      if (!origin.startsWith(scheme) || !origin.endsWith(suffix)) continue
      // The star stands for labels of a host name, and for nothing that could end one.
      const label = origin.slice(scheme.length, origin.length - suffix.length)
      if (label.length > 0 && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(label)) return true
    }
    return false
  }
}

/** In lower case, without a default port, names beyond ASCII as xn--, IPv6 addresses in their short form. */
function asBrowsersWrite(origin: string): string {
  const { protocol, host } = new URL(origin.toLowerCase())
  return `${protocol}//${host}`
}
