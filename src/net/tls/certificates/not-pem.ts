/** The replacement for bytes that are not UTF-8. */
const NO_TEXT = '\ufffd'
/** Of openssl. */
const COMMANDS = { certificate: 'x509', key: 'pkey', list: 'crl' } as const
/** A sequence whose first member is the number 3: PFX (RFC 7292 §4). */
const PKCS12 = /^0[^]{1,5}\u0002\u0001\u0003/

/**
 * What is wrong with a file that is not PEM: its format, and how to convert it; undefined when the format is not
 * recognised.
 */
export function formOf(text: string, what: keyof typeof COMMANDS): string | undefined {
  if (text.trim() === '') return 'is empty'
  if (text.includes('-\0-\0B\0E\0G\0I\0N\0') || text.includes('\0-\0-\0B\0E\0G\0I\0N'))
    return 'is in UTF-16; convert it: `iconv -f UTF-16 -t ASCII FILE > FILE.pem`'
  if (/^[ \t]+-----(BEGIN|END) /m.test(text)) return 'has lines that begin with spaces; take them out'
  if (!text.startsWith('0') || !text.slice(0, 4_096).includes(NO_TEXT)) return undefined
  if (PKCS12.test(text))
    return 'is in PKCS #12 form; convert it to PEM: `openssl pkcs12 -in FILE -nodes -out FILE.pem`'
  return `is in DER form; convert it to PEM: \`openssl ${COMMANDS[what]} -inform der -in FILE -out FILE.pem\``
}
