import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateSync,
  gzipSync,
  zstdCompressSync,
  type BrotliCompress,
  type Deflate,
  type Gzip,
  type ZstdCompress
} from 'node:zlib'
import type { Coding } from './accept-encoding.ts'
import { KeptEncoder } from './kept-encoder.ts'

/** Bodies up to this size are compressed at once, on this thread: handing them to another costs more. */
export const WHOLE_BYTES = 64 * 1024

export interface Levels {
  readonly zstd: number
  readonly br: number
  readonly gzip: number
}

export type Compressor = BrotliCompress | Deflate | Gzip | ZstdCompress

/** Window of a stream, whatever its length. With its tables and what waits for a client that stands still: zstd 0.5 MB, br 1.3, gzip 0.3. */
const STREAM_WINDOW = 17
/**
 * From level 3 on zstd chooses its tables for windows of 2 MB and more where it does not know the length, and keeps them in a
 * smaller one: 3 to 11 MB a stream. Those for this window take at most 1.5; measured from level 5 on, they save 5 to 40 % of
 * the time, and cost 0.6 % of the ratio.
 */
const OWN_ZSTD_TABLES = 3
/** From 1 MiB on Brotli takes 4 MB of tables for its level 4, which are of no use in such a window: measured, it saves 4 % of the time and costs 1 % of the ratio. */
const MOST_BROTLI_HINT = 1_048_575
/** From level 6 on Brotli's tables for larger windows take 3 to 33 MB; in this one they take 1 to 2, for 3 % of the ratio. */
const HIGH_BROTLI_WINDOW = 16
const HIGH_BROTLI = 6
/** Window of an event stream: there are many, open for long, whose texts resemble the one before. */
const EVENT_WINDOW = 13
const STREAM_BYTES = 64 * 1024

/** Node has zstd from 22.15 on; the other codings work without it. */
export function supported(coding: Coding): boolean {
  return coding !== 'zstd' || zstdCompressSync !== undefined
}

export function levelOf(coding: Coding, levels: Levels): number {
  return coding === 'deflate' ? levels.gzip : levels[coding]
}

/** Compresses a small body at once, on this thread. The result is a buffer of its own. */
export function compressWhole(coding: Coding, bytes: Buffer, levels: Levels): Buffer {
  let result: Buffer | undefined
  compressInto(coding, bytes, levels, (encoded) => {
    result = Buffer.from(encoded)
    return true
  })
  return result!
}

/** The same when the result is passed on at once: `take` returns true when it has finished with the bytes. */
export function compressInto(
  coding: Coding,
  bytes: Buffer,
  levels: Levels,
  take: (encoded: Buffer) => boolean
): void {
  if (keptEncoder(coding, levelOf(coding, levels))?.encode(bytes, take) === true) return
  take(compressOnce(coding, bytes, levels))
}

/** The encoders of this thread, by coding and level. */
const kept = new Map<string, KeptEncoder>()

/** Streams of Brotli cannot be reset. */
function keptEncoder(coding: Coding, level: number): KeptEncoder | undefined {
  if (coding === 'br') return undefined
  const name = `${coding}${level}`
  let encoder = kept.get(name)
  if (encoder === undefined) kept.set(name, (encoder = makeKept(coding, level)))
  return encoder
}

function makeKept(coding: 'zstd' | 'gzip' | 'deflate', level: number): KeptEncoder {
  switch (coding) {
    case 'zstd': {
      const params = { [constants.ZSTD_c_compressionLevel]: level }
      return new KeptEncoder(() => createZstdCompress({ params }), constants.ZSTD_e_end)
    }
    case 'gzip':
      return new KeptEncoder(() => createGzip({ level }), constants.Z_FINISH, resetDeflate)
    case 'deflate':
      return new KeptEncoder(() => createDeflate({ level }), constants.Z_FINISH, resetDeflate)
  }
}

function resetDeflate(stream: Compressor): void {
  ;(stream as Deflate).reset()
}

export function compressOnce(coding: Coding, bytes: Buffer, levels: Levels): Buffer {
  // One chunk holds the result, which is never larger than the input plus its frame.
  const chunkSize = Math.max(64, bytes.length + 512)
  switch (coding) {
    case 'zstd':
      return zstdCompressSync(bytes, {
        chunkSize,
        params: { [constants.ZSTD_c_compressionLevel]: levels.zstd }
      })
    case 'br':
      return brotliCompressSync(bytes, {
        chunkSize,
        params: brotliParams(levels, bytes.length, STREAM_WINDOW)
      })
    case 'gzip':
      return gzipSync(bytes, { chunkSize, level: levels.gzip })
    case 'deflate':
      return deflateSync(bytes, { chunkSize, level: levels.gzip })
  }
}

/** A stream that compresses off this thread. `length`: of the body, -1 when unknown. */
export function compressStream(coding: Coding, levels: Levels, length: number, events: boolean): Compressor {
  const wide = coding === 'br' && levels.br >= HIGH_BROTLI ? HIGH_BROTLI_WINDOW : STREAM_WINDOW
  const window = events ? EVENT_WINDOW : wide
  const common = events ? { chunkSize: 4096 } : { highWaterMark: STREAM_BYTES }
  switch (coding) {
    case 'zstd':
      return createZstdCompress({
        ...common,
        ...(length >= 0 && { pledgedSrcSize: length }),
        params: zstdParams(levels.zstd, window)
      })
    case 'br':
      return createBrotliCompress({ ...common, params: brotliParams(levels, Math.max(0, length), window) })
    case 'gzip':
      return createGzip({ ...common, ...deflateMemory(events), level: levels.gzip })
    case 'deflate':
      return createDeflate({ ...common, ...deflateMemory(events), level: levels.gzip })
  }
}

function zstdParams(level: number, window: number): Record<number, number> {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_windowLog]: window }
  if (level < OWN_ZSTD_TABLES && window === STREAM_WINDOW) return params
  const hash = window === STREAM_WINDOW ? window : window + 1
  return { ...params, [constants.ZSTD_c_hashLog]: hash, [constants.ZSTD_c_chainLog]: hash - 1 }
}

function deflateMemory(events: boolean): { windowBits: number; memLevel: number } {
  return events ? { windowBits: 13, memLevel: 5 } : { windowBits: 15, memLevel: 8 }
}

function brotliParams(levels: Levels, length: number, window: number): Record<number, number> {
  return {
    [constants.BROTLI_PARAM_QUALITY]: levels.br,
    [constants.BROTLI_PARAM_LGWIN]: window,
    [constants.BROTLI_PARAM_SIZE_HINT]: Math.min(length, MOST_BROTLI_HINT)
  }
}

/** The flush that makes a stream output everything it has been given. */
export function flushKind(coding: Coding): number {
  switch (coding) {
    case 'zstd':
      return constants.ZSTD_e_flush
    case 'br':
      return constants.BROTLI_OPERATION_FLUSH
    case 'gzip':
    case 'deflate':
      return constants.Z_SYNC_FLUSH
  }
}
