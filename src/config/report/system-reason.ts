import { messageOf } from '../../core/errors.ts'
import { own } from '../../core/own.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many open files',
  ENOSPC: 'no space left on the device'
}

/** An error of the file system as readable text. */
export function systemReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return own(REASONS, code) ?? messageOf(error)
}
