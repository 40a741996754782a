import { text } from './leaves.ts'

/** `other`: what is the name of no file, and why. */
export function filePath(other?: RegExp, why?: string) {
  return path(
    'the path of a file such as /etc/lb/site.crt',
    'write one file; PEM files can be joined by cat',
    other,
    why
  )
}

export function folderPath(several: string) {
  return path('the path of a folder such as /etc/lb/certs', several)
}

function path(expected: string, several: string, other?: RegExp, why?: string) {
  return text(expected, {
    max: 4096,
    lines: true,
    several,
    json: { title: 'file' },
    reject: (value) =>
      value.includes('-----BEGIN')
        ? 'write the path of a file that holds it'
        : other?.test(value) === true
          ? why
          : /[\u0000-\u001f\u007f]/.test(value)
            ? 'control characters and line breaks are not allowed here'
            : undefined
  })
}
