const EXTENSION = { ticket: 35, preSharedKey: 41 }

/** Whether a ClientHello, as it comes on a connection, offers to resume a session (RFC 8446 §4.2.11, RFC 5077 §3.2). */
export function offersSession(hello: Buffer): boolean {
  // Head of the record, head of the message, version and random.
  let at = 5 + 4 + 2 + 32
  at += 1 + (hello[at] ?? 0)
  if (at + 2 > hello.length) return false
  at += 2 + hello.readUInt16BE(at)
  at += 1 + (hello[at] ?? 0)
  at += 2
  while (at + 4 <= hello.length) {
    const [type, length] = [hello.readUInt16BE(at), hello.readUInt16BE(at + 2)]
    if (type === EXTENSION.preSharedKey || (type === EXTENSION.ticket && length > 0)) return true
    at += 4 + length
  }
  return false
}
