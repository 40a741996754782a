import { isToken } from '../../core/latin1.ts'

/** Fields that frame a message or concern one hop: lb writes them itself, whatever the configuration or a plugin says. */
export const FRAMING_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
])

/** Why `owns` of a plugin is not a list of fields that it may own; undefined: it is one. */
export function whyNotOwned(owns: unknown): string | undefined {
  if (!Array.isArray(owns)) return '"owns" must be a list of field names'
  for (const name of owns as unknown[]) {
    if (typeof name !== 'string' || !isToken(name))
      return `"owns" must be a list of field names, and ${JSON.stringify(name) ?? String(name)} is not one`
    if (name.toLowerCase() === 'host' || FRAMING_FIELDS.has(name.toLowerCase()))
      return `"owns": the field ${name} is lb's own`
  }
  return undefined
}
