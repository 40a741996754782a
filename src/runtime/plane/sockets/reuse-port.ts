/**
 * Platforms on which several sockets can share an address and the kernel distributes connections between them. macOS
 * and Windows have an option with that name that does not distribute (libuv refuses it there).
 */
const platforms: ReadonlySet<string> = new Set(['linux', 'freebsd', 'dragonfly', 'sunos', 'aix'])

export const hasReusePort = platforms.has(process.platform)
