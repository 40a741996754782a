import type { AddressInfo, Server } from 'node:net'

/** What a backend tells the process that started it. */
export type Announcement = { ready: true; port: number } | { ready: false; reason: string }

/** Listens on loopback, tells the parent process (or the terminal) how that went, and ends with the parent. */
export function announce(server: Server, name: string, port: number): void {
  const tell = (message: Announcement, text: string): void => {
    if (process.send !== undefined) process.send(message)
    else console.log(text)
  }

  server.on('error', (error: NodeJS.ErrnoException) => {
    const reason = error.code === 'EADDRINUSE' ? `port ${port} is taken by another program` : error.message
    tell({ ready: false, reason }, `${name} cannot run: ${reason}`)
    process.exitCode = 1
    if (process.connected) process.disconnect()
  })
  server.listen(port, '127.0.0.1', () => {
    const bound = (server.address() as AddressInfo).port
    tell({ ready: true, port: bound }, `${name} listens on 127.0.0.1:${bound}`)
  })

  if (process.send === undefined) return
  // Ctrl-C in a terminal reaches the whole group; the backends must outlive lb, which is still draining.
  process.on('SIGINT', () => {})
  process.on('disconnect', () => process.exit())
}
