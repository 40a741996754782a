/** A syntax error at an offset of the text. */
export interface SyntaxProblem {
  readonly offset: number
  readonly message: string
}
