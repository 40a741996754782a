/**
 * Where several sockets may share an address and the kernel spreads connections over them. macOS and Windows have an
 * option of that name that does not spread (libuv refuses it there).
 */
const platforms: ReadonlySet<string> = new Set(['linux', 'freebsd', 'dragonfly', 'sunos', 'aix'])

export const hasReusePort = platforms.has(process.platform)
