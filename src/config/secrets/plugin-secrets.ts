/** Secrets of plugins' keys. Where they stand is known to the plugins' schemas only, so they are known by value. */
const known = new Set<string>()
/** The oldest is forgotten first: each reload may bring others. */
const MAX_KNOWN = 10_000

export function rememberPluginSecret(text: string): void {
  known.delete(text)
  known.add(text)
  for (const oldest of known) {
    if (known.size <= MAX_KNOWN) return
    known.delete(oldest)
  }
}

/** Whether the text at this path of the configuration is what a plugin declared as `secret()`. */
export function isPluginSecret(path: readonly string[], text: string): boolean {
  return known.has(text) && path.some((part) => part.startsWith('plugins'))
}
