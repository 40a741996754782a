import { constants, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** RFC 9842 §5: a skippable frame of 32 bytes with the SHA-256 of the dictionary. */
const MAGIC = Buffer.from('5e2a4d1820000000', 'hex')
/** Content that begins with this number would be read as a dictionary in zstd's own format, not as raw content. */
const FORMATTED = 0xec30a437

let found: boolean | undefined

/** Whether this Node can compress with a dictionary: from 24.6, or 22.19. */
export function dictionariesWork(): boolean {
  return (found ??= tryOut())
}

function tryOut(): boolean {
  if (zstdCompressSync === undefined) return false
  const dictionary = Buffer.from(
    'what neither repeats itself nor is short: 0123456789 abcdefghijklm nopqrstuvwxyz'
  )
  const encoded = zstdCompressSync(dictionary, { dictionary })
  if (encoded.length > dictionary.length / 2) return false
  return zstdDecompressSync(encoded, { dictionary }).equals(dictionary)
}

export function mayBeDictionary(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32LE(0) !== FORMATTED
}

export interface DczInput {
  readonly bytes: Buffer
  readonly dictionary: Buffer
  /** SHA-256 of the dictionary. */
  readonly hash: Buffer
  readonly level: number
}

/** Compresses at once, on this thread. */
export function encodeDcz({ bytes, dictionary, hash, level }: DczInput): Buffer {
  return Buffer.concat([MAGIC, hash, zstdCompressSync(bytes, { dictionary, ...paramsOf(level) })])
}

/** Compresses off this thread; undefined when it failed. */
export async function encodeDczLater({
  bytes,
  dictionary,
  hash,
  level
}: DczInput): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    zstdCompress(bytes, { dictionary, ...paramsOf(level) }, (error, encoded) => {
      resolve(error === null ? Buffer.concat([MAGIC, hash, encoded]) : undefined)
    })
  })
}

function paramsOf(level: number): { params: Record<number, number> } {
  return { params: { [constants.ZSTD_c_compressionLevel]: level } }
}
