import { defaults } from '../../defaults.ts'
import { mapping } from '../leaf/leaf.ts'
import { integer, size } from '../leaf/leaves.ts'
import { firstOf, loneText } from '../leaf/lone.ts'
import { filePath } from '../leaf/path-leaves.ts'

/** The destination of an access log. */
export function logPlace() {
  return {
    file: filePath(/^(?:stdout|stderr|console|-)$/, 'lines go to standard output where the key is left out')
      .optional()
      .describe(
        'File for these lines, reopened on SIGUSR1; left out: the same destination as all other lines.'
      ),
    rotate: mapping(
      {
        size: size({ min: 65_536, example: '100mb' }).describe('A file this long is moved away, to `.1`.'),
        keep: integer(0, 1000).prefault(defaults.listener.accessLog.keep).describe('Old files to keep.')
      },
      {
        lone: firstOf(loneText('size', /^\d/), (value) =>
          typeof value === 'string'
            ? 'lb rotates by size, { size: 100mb }; by time logrotate does, with SIGUSR1'
            : undefined
        )
      }
    )
      .optional()
      .describe('Makes `lb` rotate `file` itself; left out: use logrotate with SIGUSR1.')
  }
}
