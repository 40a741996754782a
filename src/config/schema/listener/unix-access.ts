import { mapping } from '../leaf/leaf.ts'
import { text } from '../leaf/leaves.ts'

/** `rw-rw----`, as `ls` writes it. */
function octal(value: string): string | undefined {
  const letters = /^-?((?:[r-][w-][x-]){3})$/.exec(value)?.[1]
  if (letters === undefined) return undefined
  const bits = [...letters].map((letter) => (letter === '-' ? 0 : 1))
  return `0${[0, 3, 6].map((at) => bits[at]! * 4 + bits[at + 1]! * 2 + bits[at + 2]!).join('')}`
}

/** `socket` of a listener: permissions of its unix sockets. */
export const unixAccess = mapping(
  {
    mode: text('permissions in octal such as "0660"', {
      max: 16,
      json: { pattern: '^0?o?[0-7]{3}$', examples: ['0660'] },
      reject: (value) =>
        /^0?o?[0-7]{3}$/.test(value)
          ? undefined
          : `"${value}" is not a mode; write three octal digits: "${octal(value) ?? '0660'}"`
    })
      .optional()
      .describe(
        'Permissions of the file, in octal; connecting needs write permission. Left out: by the umask.'
      ),
    owner: text('the name of a user such as www-data', { max: 64 })
      .optional()
      .describe('Owner of the file; needs root.'),
    group: text('the name of a group such as www-data', { max: 64 })
      .optional()
      .describe('Group of the file; needs root, or membership in the group.')
  },
  { lone: (value) => (/^0?[0-7]{3}$/.test(String(value)) ? 'did you mean { mode: "@" }?' : undefined) }
)
