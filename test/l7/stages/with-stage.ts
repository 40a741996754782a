import { stages, type LoadedStage } from '../../../src/l7/stages/loaded.ts'
import type { Stage } from '../../../src/l7/stages/stage.ts'
import type { StageContext } from '../../../src/l7/stages/stage-context.ts'

/** Puts a stage of a test at the end of the table, for what is compiled until `remove` is called. */
export function addStage(compile: (context: StageContext) => Stage | undefined): () => void {
  const table = stages as LoadedStage[]
  const entry: LoadedStage = {
    name: 'test',
    place: 'wherever the test wants it',
    early: false,
    key: undefined,
    keys: undefined,
    memory: undefined,
    load: () => Promise.reject(new Error('never loaded')),
    compile: (_keys, context) => compile(context)
  }
  table.push(entry)
  return () => void table.splice(table.indexOf(entry), 1)
}
