import { readFileSync } from 'node:fs'

/** The version in package.json, which stands one folder above both src/ and dist/; `bundled` where there is none. */
export function packageVersion(): string {
  try {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    const { name, version } = JSON.parse(text) as { name: string; version: string }
    return name === 'fourseven' ? version : 'bundled'
  } catch {
    return 'bundled'
  }
}
